/**
 * Which images the container tests run on. By default the real ones: Redpanda with the schema registry that it has built in, and the official
 * PostgreSQL. Others by environment: STRANDLINE_TEST_REDPANDA_IMAGE, STRANDLINE_TEST_POSTGRES_IMAGE, or STRANDLINE_TEST_KAFKA_IMAGE for a Kafka that is
 * configured as apache/kafka is (our own registry goes with it). Where the real ones cannot be pulled, the stand-ins of docker/local-images.sh are used if
 * they are there, and that is said. Where the container tests are required, they are built.
 */
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const docker = (...args: string[]) => promisify(execFile)('docker', args)

export const REDPANDA = 'docker.redpanda.com/redpandadata/redpanda:v26.2.3'
export const POSTGRES = 'postgres:18.6'
const LOCAL = 'strandline-local/'
export const LOCAL_KAFKA = `${LOCAL}kafka`
export const LOCAL_POSTGRES = `${LOCAL}postgres`

export interface Images {
  broker: { kind: 'redpanda' | 'kafka'; image: string }
  postgres: string
}

/** Why no container engine can be used; null when one answers. */
export function engineMissing(): string | null {
  const { error, status, stderr } = spawnSync('docker', ['info'], { encoding: 'utf8', timeout: 10_000 })
  if (error) return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no docker command' : error.message
  return status === 0 ? null : stderr.trim().split('\n').at(-1) || 'docker info failed'
}

export async function isThere(image: string): Promise<boolean> {
  return docker('image', 'inspect', image).then(
    () => true,
    () => false,
  )
}

/** true when the image is on this machine, or could be brought here. */
export async function canBeHad(image: string): Promise<boolean> {
  return (
    (await isThere(image)) ||
    docker('pull', '--quiet', image).then(
      () => true,
      () => false,
    )
  )
}

/** Builds stand-ins, by their names for docker/local-images.sh, of the sources as they are now; what has not changed stays. Throws with what the script says. */
export async function buildLocalImages(...names: string[]): Promise<void> {
  await promisify(execFile)(fileURLToPath(new URL('../../docker/local-images.sh', import.meta.url)), names)
}

async function choose(real: string, standIn: string, env: NodeJS.ProcessEnv): Promise<string> {
  if (await canBeHad(real)) return real
  if (env.STRANDLINE_CONTAINERS === 'required') await buildLocalImages(standIn.slice(LOCAL.length))
  else if (!(await isThere(standIn)))
    throw new Error(
      `${real} cannot be pulled, and its stand-in ${standIn} is not built: run docker/local-images.sh first.`,
    )
  process.stderr.write(`CONTAINER TESTS: ${real} cannot be pulled; they run on ${standIn} instead.\n`)
  return standIn
}

export async function chooseImages(env: NodeJS.ProcessEnv = process.env): Promise<Images> {
  const postgres = env.STRANDLINE_TEST_POSTGRES_IMAGE || (await choose(POSTGRES, LOCAL_POSTGRES, env))
  if (env.STRANDLINE_TEST_KAFKA_IMAGE)
    return { broker: { kind: 'kafka', image: env.STRANDLINE_TEST_KAFKA_IMAGE }, postgres }
  const image = env.STRANDLINE_TEST_REDPANDA_IMAGE || (await choose(REDPANDA, LOCAL_KAFKA, env))
  return { broker: { kind: image === LOCAL_KAFKA ? 'kafka' : 'redpanda', image }, postgres }
}
