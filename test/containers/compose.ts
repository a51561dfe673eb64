/** The compose file started under a name and on ports of its own, with whichever of `docker compose` and `docker-compose` is there. */
import { execFile, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from '../../core/ports.ts'
import { buildLocalImages, chooseImages } from './images.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const run = async (program: string, args: string[], env = process.env) =>
  (await promisify(execFile)(program, args, { cwd: ROOT, env, maxBuffer: 64 << 20 })).stdout.trim()

export const docker = (...args: string[]) => run('docker', args)

/** What the services ask for. */
export const COMPOSE_TOKEN = 'compose-test-token'

export interface Composed {
  /** http://127.0.0.1:<port> of what the host may reach. */
  url(service: 'PM' | 'DECISION' | 'SUPABASE' | 'PROMETHEUS'): string
  databaseUrl: string
  serviceRoleKey: string
  /** docker compose <args> for this project. */
  compose(...args: string[]): Promise<string>
  /** The same with docker-compose.external.yml over it: log, registry and Supabase are where the environment says, here the containers of this project. */
  external(...args: string[]): Promise<string>
  /** Container ids of one service, or of all. */
  containers(service?: string): Promise<string[]>
  down(): Promise<void>
}

export async function composeUp(...options: string[]): Promise<Composed> {
  const images = await chooseImages()
  const local = images.broker.kind === 'kafka'
  const files = ['docker-compose.yml', ...(local ? ['docker-compose.local.yml'] : [])].flatMap((f) => ['-f', f])
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    POSTGRES_PASSWORD: 'compose-test',
    SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_compose_test',
    STRANDLINE_TOKEN: COMPOSE_TOKEN,
  }
  env.REDPANDA_IMAGE = images.broker.image
  env.POSTGRES_IMAGE = images.postgres
  const ports = [
    'KAFKA',
    'SCHEMA_REGISTRY',
    'LOCAL_REGISTRY',
    'REDPANDA_ADMIN',
    'CONSOLE',
    'SUPABASE',
    'POSTGRES',
    'PM',
    'DECISION',
    'PAGE',
    'PROMETHEUS',
  ]
  for (const name of ports) env[`${name}_PORT`] = String(await freePort())
  const project = `strandline-test-${randomBytes(4).toString('hex')}`
  const v2 = spawnSync('docker', ['compose', 'version']).status === 0
  const [program, first] = v2 ? ['docker', ['compose']] : ['docker-compose', []]
  const args = [
    ...first,
    '--project-name',
    project,
    '--env-file',
    local ? 'docker/local.env' : '.env.example',
    ...files,
  ]
  const compose = (...more: string[]) => run(program, [...args, ...more], env)
  const elsewhere = {
    KAFKA_BROKERS: 'redpanda:9092',
    SCHEMA_REGISTRY_URL: local ? 'http://registry:7300' : 'http://redpanda:8081',
    SUPABASE_URL: 'http://supabase:7300',
    ...(local ? { SCHEMA_REGISTRY_USERNAME: 'strandline', SCHEMA_REGISTRY_PASSWORD: COMPOSE_TOKEN } : {}),
  }
  const external = (...more: string[]) =>
    run(program, [...args, '-f', 'docker-compose.external.yml', ...more], { ...env, ...elsewhere })

  // Compose itself builds the real ones.
  if (local) await buildLocalImages('services', 'supabase', 'prometheus')
  else await compose('build')
  const down = async () => void (await compose('--profile', 'monitoring', 'down', '--volumes', '--timeout', '20'))
  try {
    await compose('up', '--detach', ...options)
  } catch (error) {
    process.stderr.write(await compose('logs', '--tail', '20').catch(() => ''))
    await down()
    throw error
  }
  return {
    url: (service) => `http://127.0.0.1:${env[`${service}_PORT`]}`,
    databaseUrl: `postgres://postgres:compose-test@127.0.0.1:${env.POSTGRES_PORT}/strandline`,
    serviceRoleKey: 'sb_secret_compose_test',
    compose,
    external,
    containers: async (service) =>
      (await compose('ps', '--quiet', ...(service ? [service] : []))).split('\n').filter(Boolean),
    down,
  }
}
