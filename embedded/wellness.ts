/** Whether a part that runs does its job, looked at from outside: a process that lives can hang, or have lost what it needs. */
import { setTimeout as sleep } from 'node:timers/promises'

export type Condition =
  | { state: 'well' }
  /** It answers, and says why it cannot do its job. */
  | { state: 'not ready'; reason: string }
  /** It does not answer, or says itself that it is broken. */
  | { state: 'dead'; reason: string }

export interface WellnessOptions {
  check(): Promise<Condition>
  /** What it needs is away, and is being seen to: then it is not its fault that it is not ready. */
  excused?(): boolean
  everyMs: number
  deadAfterMs: number
  notReadyAfterMs: number
}

export interface Trouble {
  state: Exclude<Condition['state'], 'well'>
  /** What is wrong, as the end of a sentence. */
  what: string
}

/** Resolves with what is wrong, once that has lasted; with undefined when `signal` aborts. */
export async function untilUnwell(options: WellnessOptions, signal: AbortSignal): Promise<Trouble | undefined> {
  const { check, excused, everyMs, deadAfterMs, notReadyAfterMs } = options
  let since: number | undefined
  let before: Condition['state'] = 'well'
  for (;;) {
    await sleep(everyMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return undefined
    const now = await check()
    if (now.state === 'not ready' && excused?.()) since = undefined
    if (now.state !== before) since = undefined
    before = now.state
    if (now.state === 'well') continue
    since ??= performance.now()
    const lasted = performance.now() - since
    const seconds = Math.round(lasted / 1000)
    if (lasted < (now.state === 'dead' ? deadAfterMs : notReadyAfterMs)) continue
    const what = now.state === 'dead' ? 'has not answered' : 'has not been ready'
    return { state: now.state, what: `${what} for ${seconds} s (${now.reason})` }
  }
}
