/** The rebuild that this page runs, in a thread of its own: one at a time. */
import type { Clock } from '../../core/clock.ts'
import { findStrandlineError, StrandlineError } from '../../core/errors.ts'
import type { ErrorBody } from '../../core/refusal.ts'
import type { VersionName } from '../../services/learner/promote.ts'
import type { Rebuilt } from '../../services/learner/rebuild.ts'
import type { Jobs } from '../jobs/jobs.ts'

/** How long a page that ends waits for the commit that is under way; what is not done by then goes on later, wherever it stood. */
const PATIENCE_MS = 5_000

export interface RunningRebuild {
  /** What was asked for; null: what readers see. */
  model: string | null
  /** null: it is not known yet. */
  version: VersionName | null
  /** When it was begun here, or went on. */
  since: string
  /** Records of the log that are applied, and those that there are; null: not known yet. */
  applied: number | null
  total: number | null
  /** Nothing has moved for a while, and why; null: it goes on. */
  waiting: string | null
  /** It is being given up. */
  stopping: boolean
}

export type EndedRebuild = { at: string } & (
  | { result: Rebuilt & { records: number; seconds: number } }
  | { error: ErrorBody['error'] }
)

export interface RebuildState {
  running: RunningRebuild | null
  /** How the last one ended; null: none has since the page was started. */
  last: EndedRebuild | null
}

export interface Rebuilds {
  state(): RebuildState
  /** Resolves when it is known which version it is. Errors: MODEL_IN_USE while another one goes on; those of `rebuild` that come before. */
  begin(model: string | undefined): Promise<RebuildState>
  /** Gives it up: what is applied by then stays, and it goes on when it is asked for again. Errors: USAGE where none goes on. */
  giveUp(): RebuildState
  stop(): Promise<void>
}

export function createRebuilds(jobs: Pick<Jobs, 'rebuild'>, clock: Clock): Rebuilds {
  let running: RunningRebuild | null = null
  let last: EndedRebuild | null = null
  let ending = new AbortController()
  let done: Promise<void> = Promise.resolve()
  const state = () => ({ running, last })
  const now = () => new Date(clock.now()).toISOString()

  function begin(model: string | undefined): Promise<RebuildState> {
    if (running)
      throw new StrandlineError(
        'MODEL_IN_USE',
        `${running.version?.name ?? 'A model'} is being rebuilt by this page.`,
        {
          todo: 'Wait for it, or stop it: it goes on when it is asked for again.',
        },
      )
    const began = clock.now()
    ending = new AbortController()
    const mine: RunningRebuild = {
      model: model ?? null,
      version: null,
      since: now(),
      applied: null,
      total: null,
      waiting: null,
      stopping: false,
    }
    running = mine
    return new Promise((resolve, reject) => {
      const rebuilding = jobs.rebuild(
        { model },
        (progress) => {
          Object.assign(mine, { waiting: null }, progress)
          if (progress.version) resolve(state())
        },
        ending.signal,
      )
      done = rebuilding.then(
        (rebuilt) => {
          running = null
          const seconds = (clock.now() - began) / 1_000
          last = { at: now(), result: { ...rebuilt, records: mine.applied ?? 0, seconds } }
          resolve(state())
        },
        (error) => {
          running = null
          const known = findStrandlineError(error)
          last = {
            at: now(),
            error: {
              code: known?.code ?? 'INTERNAL',
              message: known?.message ?? 'The rebuild failed.',
              todo: known?.todo ?? null,
            },
          }
          reject(error) // nobody hears it who knows already that it has begun
        },
      )
    })
  }

  return {
    state,
    async begin(model) {
      return begin(model)
    },
    giveUp() {
      if (!running)
        throw new StrandlineError('USAGE', 'This page rebuilds nothing.', {
          todo: 'A rebuild that runs elsewhere is stopped there, by Ctrl-C.',
        })
      running.stopping = true
      ending.abort()
      return state()
    },
    async stop() {
      if (running) ending.abort()
      await Promise.race([done, clock.sleep(PATIENCE_MS)])
    },
  }
}
