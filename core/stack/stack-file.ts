/** How programs find a running stack: `stack.json` in its data folder, and the lock that keeps a second one out. */
import { readFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StrandlineError } from '../errors.ts'
import type { ServiceName } from './layout.ts'
import { type LockOptions, ownerOf, takeLock } from './lock-file.ts'

export interface StackDescription {
  /** The process that runs the stack. */
  pid: number
  /** ISO 8601. */
  started_at: string
  /** What points a client at it: KAFKA_BROKERS, SCHEMA_REGISTRY_URL, SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY, DATABASE_URL, its model, topics and token. */
  env: Record<string, string>
  /** Base URL of each service that runs. */
  services: Partial<Record<ServiceName, string>>
  /** Process ids by part. */
  pids: Record<string, number>
}

const stackFile = (dataDir: string) => join(dataDir, 'stack.json')
const lockFile = (dataDir: string) => join(dataDir, 'lock')

/** The running stack of a data folder; undefined when there is none. */
export function findStack(dataDir: string): StackDescription | undefined {
  const owner = ownerOf(lockFile(dataDir))
  if (!owner) return undefined
  try {
    const found = JSON.parse(readFileSync(stackFile(dataDir), 'utf8')) as StackDescription
    return found.pid === owner.pid ? found : undefined
  } catch {
    return undefined
  }
}

export async function writeStack(dataDir: string, stack: StackDescription): Promise<void> {
  const draft = `${stackFile(dataDir)}.${process.pid}`
  await writeFile(draft, `${JSON.stringify(stack, null, 2)}\n`, { mode: 0o600 })
  await rename(draft, stackFile(dataDir))
}

/**
 * Takes the data folder for this process; resolves to what gives it back. `purpose` is how others are told, e.g. `./strandline up`.
 * Errors: STACK_BUSY when another living process has it; the signal's reason.
 */
export async function lockDataDir(
  dataDir: string,
  purpose: string,
  options?: LockOptions,
): Promise<() => Promise<void>> {
  const taken = await takeLock(lockFile(dataDir), purpose, options)
  if (typeof taken !== 'function')
    throw new StrandlineError(
      'STACK_BUSY',
      `The data folder ${dataDir} is in use by ${taken.purpose} (process ${taken.pid}${taken.elsewhere ? ', in another container' : ''}).`,
      { todo: 'Stop that one first, or use another --data-dir and --base-port.' },
    )
  await rm(stackFile(dataDir), { force: true }) // of a process that was killed: ours may have its pid
  return () => taken(() => rm(stackFile(dataDir), { force: true }))
}
