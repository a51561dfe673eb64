/** How programs find a running stack: `stack.json` in its data folder, and the lock that keeps a second one out. */
import { readFileSync } from 'node:fs'
import { link, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StrandlineError } from '../errors.ts'
import { commandLine, isAlive } from '../processes.ts'
import type { ServiceName } from './layout.ts'

export interface StackDescription {
  /** The process that runs the stack. */
  pid: number
  /** ISO 8601. */
  started_at: string
  /** What points a client at it: KAFKA_BROKERS, SCHEMA_REGISTRY_URL, SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY, DATABASE_URL, STRANDLINE_MODEL. */
  env: Record<string, string>
  /** Base URL of each service that runs. */
  services: Partial<Record<ServiceName, string>>
  /** Process ids by part. */
  pids: Record<string, number>
}

interface Owner {
  pid: number
  /** A pid is given to another program sooner or later: its command line tells. */
  commandLine: string | undefined
  purpose: string
}

/** Each one meets another process that came and went: more than a few is something else. */
const ATTEMPTS = 50

const stackFile = (dataDir: string) => join(dataDir, 'stack.json')
const lockFile = (dataDir: string) => join(dataDir, 'lock')

/** The running stack of a data folder; undefined when there is none. */
export function findStack(dataDir: string): StackDescription | undefined {
  const owner = readOwner(dataDir)
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
 * Errors: STACK_BUSY when another living process has it.
 */
export async function lockDataDir(dataDir: string, purpose: string): Promise<() => Promise<void>> {
  const path = lockFile(dataDir)
  for (let attempt = 1; ; attempt++) {
    // Linked into place, not created there: whoever sees the lock sees who has it.
    const draft = `${path}.${process.pid}`
    const owned: Owner = { pid: process.pid, commandLine: commandLine(process.pid), purpose }
    await writeFile(draft, JSON.stringify(owned), { mode: 0o600 })
    try {
      await link(draft, path)
      return async () => {
        await rm(stackFile(dataDir), { force: true })
        await rm(path, { force: true })
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    } finally {
      await rm(draft, { force: true })
    }
    const owner = readOwner(dataDir)
    if (owner)
      throw new StrandlineError(
        'STACK_BUSY',
        `The data folder ${dataDir} is in use by ${owner.purpose} (process ${owner.pid}).`,
        {
          todo: 'Stop that one first, or use another --data-dir and --base-port.',
        },
      )
    // Left by a process that was killed. Moved away first: of two that find it, one succeeds.
    const stale = `${path}.stale-${process.pid}`
    await rename(path, stale).then(
      () => rm(stale),
      (error) => {
        if (error.code !== 'ENOENT' || attempt === ATTEMPTS) throw error // not taken by another: it cannot be moved
      },
    )
  }
}

function readOwner(dataDir: string): Owner | undefined {
  let owner: Owner
  try {
    owner = JSON.parse(readFileSync(lockFile(dataDir), 'utf8'))
  } catch {
    return undefined
  }
  if (!isAlive(owner.pid)) return undefined
  const now = commandLine(owner.pid)
  return owner.commandLine === undefined || now === undefined || now === owner.commandLine ? owner : undefined
}
