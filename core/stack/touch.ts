/**
 * Whether somebody has a file, where its pid does not tell: containers on one volume have the same pids. Who has it touches it for as long as he does.
 * Only whether its time changes counts, not how late it is: clocks may differ.
 */
import { stat, utimes } from 'node:fs/promises'
import { systemClock } from '../clock.ts'

export const TOUCH_MS = 2_000
/** A busy process, or a slow disk, is late. */
const TOUCHES = 5
const LOOKS_A_TOUCH = 4

/** Keeps no process alive. `isOurs`: asked each time. Returns what ends it. */
export function keepTouched(path: string, everyMs: number, isOurs = async () => true): () => void {
  const touch = async () => {
    const now = new Date()
    if (await isOurs()) await utimes(path, now, now)
  }
  const timer = setInterval(() => void touch().catch(() => undefined), everyMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** Whether the file is touched, or taken away, within a few times of `everyMs`: as soon as it is. Errors: the signal's reason. */
export async function isTouched(path: string, everyMs: number, signal?: AbortSignal): Promise<boolean> {
  const before = await timeOf(path)
  for (let look = 0; look < TOUCHES * LOOKS_A_TOUCH; look++) {
    await systemClock.sleep(everyMs / LOOKS_A_TOUCH, signal)
    signal?.throwIfAborted()
    if ((await timeOf(path)) !== before) return true
  }
  return false
}

async function timeOf(path: string): Promise<bigint | undefined> {
  try {
    return (await stat(path, { bigint: true })).mtimeNs
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
