/**
 * A file that one process at a time has. A pid tells whether that one still runs, so what a killed process left is cleared away: by one of those that find
 * it, as two could take each other's lock for what was left. The right to clear one very lock is a file of its own, named after what it clears.
 * Where the pid is our own, or of another container or boot, it tells nothing: who lives touches what he has.
 */
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { isObject } from '../../domain/is-object.ts'
import { commandLine, isAlive, PID_SPACE } from '../processes.ts'
import { isTouched, keepTouched, TOUCH_MS } from './touch.ts'

export interface Owner {
  pid: number
  /** A pid is given to another program sooner or later: its command line tells. */
  commandLine?: string
  purpose: string
  /** Where its pid means something: PID_SPACE. */
  space?: string
  /** Of this one attempt: no two files say the same. */
  id?: string
  /** It lives where our pids mean nothing. Not in the file. */
  elsewhere?: true
}

export interface LockOptions {
  /** How often who has it touches it. Milliseconds. */
  touchMs?: number
  /** Ends the watching of a lock whose pid tells nothing. */
  signal?: AbortSignal
  /** Such a lock is found: what follows takes seconds. */
  onWatch?: () => void
}

/** Each one meets another process that came and went: more than a few is something else. */
const ATTEMPTS = 50

/**
 * What this process has, or is about to take. In a container every start has the same pid and command line: what is not here was left by one before us, or
 * another container on the same volume has it.
 */
const ours = new Set<string>()

/** Who has it; undefined: nobody that lives here. */
export function ownerOf(path: string): Owner | undefined {
  try {
    return livingOwner(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** Gives it back; `before` is done while it is still ours. Neither where somebody else has it by now, who found that we did not touch it for long. */
export type GiveBack = (before?: () => Promise<void>) => Promise<void>

/** Resolves to what gives it back, or to the living process that has it. Only a lock whose pid tells nothing needs seconds. */
export async function takeLock(path: string, purpose: string, options: LockOptions = {}): Promise<GiveBack | Owner> {
  const { touchMs = TOUCH_MS } = options
  const id = randomUUID()
  ours.add(id)
  const draft = `${path}.${id}`
  const owner: Owner = { pid: process.pid, commandLine: commandLine(process.pid), purpose, id, space: PID_SPACE }
  const restDraft = keepTouched(draft, touchMs) // and with it the rights to clear that are links to it
  let taken = false
  try {
    await writeFile(draft, JSON.stringify(owner), { mode: 0o600 })
    for (let attempt = 1; ; attempt++) {
      taken = await linked(draft, path)
      if (taken) {
        const isOurs = async () => parsed((await textOf(path)) ?? '')?.id === id
        const rest = keepTouched(path, touchMs, isOurs)
        return async (before) => {
          rest()
          if (await isOurs()) {
            await before?.()
            await rm(path, { force: true })
          }
          ours.delete(id)
        }
      }
      const found = await textOf(path)
      if (found !== undefined) {
        const holder = await holderOf(path, found, options)
        const other = holder === 'changed' ? undefined : (holder ?? (await clear(path, found, draft, options)))
        if (other) return other
      }
      if (attempt === ATTEMPTS) throw new Error(`${path} cannot be taken.`)
    }
  } finally {
    restDraft()
    await rm(draft, { force: true })
    if (!taken) ours.delete(id)
  }
}

/** Whose file it is to clear away what has this text. */
export const clearingFile = (path: string, text: string) =>
  `${path}.clearing-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`

/** Takes away what a dead process left. Resolves to a living process that is about to. */
async function clear(path: string, left: string, draft: string, options: LockOptions): Promise<Owner | undefined> {
  const rights: string[] = []
  for (let text: string | undefined = left; ; ) {
    const right = clearingFile(path, text)
    rights.push(right)
    if (await linked(draft, right)) break
    text = await textOf(right)
    if (text === undefined) return undefined // it was cleared just now
    const holder = await holderOf(right, text, options)
    if (holder === 'changed') return undefined
    if (holder) return holder
  }
  // Who had the right before may have used it: what is there now may be somebody's. An earlier version takes locks away without a right.
  if ((await textOf(path)) === left) await rm(path, { force: true })
  for (const right of rights) await rm(right, { force: true })
  return undefined
}

/** Linked into place, not created there: whoever sees the file sees who has it. False: there is one. */
async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Whose the file with this text is; undefined: nobody's that lives. `changed`: while it was watched it was taken away. */
async function holderOf(path: string, text: string, options: LockOptions): Promise<Owner | undefined | 'changed'> {
  const owner = parsed(text)
  const elsewhere = owner?.space !== undefined && owner.space !== PID_SPACE
  const living = elsewhere ? undefined : livingOwner(text)
  if (living || !owner || !(elsewhere || owner.pid === process.pid)) return living
  options.onWatch?.()
  const touched = await isTouched(path, options.touchMs ?? TOUCH_MS, options.signal)
  if ((await textOf(path)) !== text) return 'changed'
  return touched ? { ...owner, elsewhere: true } : undefined
}

function livingOwner(text: string): Owner | undefined {
  const owner = parsed(text)
  if (!owner) return undefined
  if (owner.pid === process.pid) return owner.id !== undefined && ours.has(owner.id) ? owner : undefined
  if (!isAlive(owner.pid)) return undefined
  const now = commandLine(owner.pid)
  return owner.commandLine === undefined || now === undefined || now === owner.commandLine ? owner : undefined
}

function parsed(text: string): Owner | undefined {
  try {
    const owner: unknown = JSON.parse(text)
    return isObject(owner) && Number.isInteger(owner.pid) ? (owner as unknown as Owner) : undefined
  } catch {
    return undefined
  }
}
