/** Services and engines of a run, in a folder of their own: Kafka, registry, PostgreSQL with the Supabase endpoint, PM and decision maker. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StrandlineError } from '../core/errors.ts'
import { createLogger } from '../core/logger.ts'
import { freePort } from '../core/ports.ts'
import type { StackPorts } from '../core/stack/layout.ts'
import { startStack } from '../embedded/stack.ts'
import type { Targets } from './http/run.ts'

export interface Stage extends Targets {
  /** What was said since it was up, e.g. that a service ended and was started again: nothing, where all is well. */
  incidents(): string[]
  stop(): Promise<void>
}

/** Errors: JAVA_MISSING, DOWNLOAD_FAILED, ENGINE_FAILED. Nothing is left running after one. */
export async function openStage(say: (sentence: string) => void, signal: AbortSignal): Promise<Stage> {
  const dataDir = await mkdtemp(join(tmpdir(), 'strandline-fuzz-'))
  await chmod(dataDir, 0o755) // PostgreSQL runs as a user of its own where we are root
  const clear = () => rm(dataDir, { recursive: true, force: true, maxRetries: 10 })
  const incidents: string[] = []
  let up = false
  try {
    const stack = await startStack({
      dataDir,
      ports: await freePorts(),
      needs: ['kafka', 'registry', 'database'],
      services: ['pm', 'decision'],
      // engines of its own, whatever the environment names
      env: {},
      purpose: 'fuzz',
      logger: createLogger({ name: 'fuzz', level: 'silent' }),
      say: (sentence) => (up ? incidents.push(sentence) : say(sentence)),
      signal,
    })
    up = true
    const { env, services } = stack
    return {
      urls: {
        pm: required(services.pm, 'pm'),
        decision: required(services.decision, 'decision'),
        registry: required(env.SCHEMA_REGISTRY_URL, 'registry'),
        supabase: required(env.SUPABASE_URL, 'supabase'),
      },
      key: required(env.SUPABASE_SERVICE_ROLE_KEY, 'key'),
      databaseUrl: required(env.DATABASE_URL, 'database'),
      incidents: () => incidents,
      async stop() {
        up = false
        await stack.stop()
        await clear()
      },
    }
  } catch (error) {
    await clear()
    throw error
  }
}

function required(value: string | undefined, name: string): string {
  if (value) return value
  throw new StrandlineError('ENGINE_FAILED', `The stack of the run has no ${name}.`)
}

async function freePorts(): Promise<StackPorts> {
  const names = [
    'kafka',
    'kafkaController',
    'registry',
    'postgres',
    'supabase',
    'pm',
    'learner',
    'projector',
    'decision',
  ] as const
  const ports = {} as StackPorts
  for (const name of names) ports[name] = await freePort()
  return ports
}
