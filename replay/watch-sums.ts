/**
 * Compares what is learned with the log while the system runs: a sample of the sums at each turn, the next ones at the next, and again from the first.
 * The log is folded once, and on from there.
 */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Clock } from '../core/clock.ts'
import { explain, findStrandlineError } from '../core/errors.ts'
import { createCoefficientStore } from '../core/store/coefficient-store.ts'
import { FIRST, type SumsPlace } from './sums-store.ts'
import { addFound, type Found, openVerifier, type Verifier, type VerifyDeps } from './verify.ts'

/** A round: every coefficient once. */
export interface Round extends Found {
  model: Verifier['model']
  /** Records that were folded so far. */
  events: number
}

export interface WatchOptions {
  clock: Clock
  metrics: Registry
  /** Between two samples. */
  everyMs: number
  signal: AbortSignal
  /** A sample in which something differs, at once. */
  differs(found: Found): void
  round(round: Round): void
  /** What kept a sample from being taken; it is tried again at the next turn. */
  failed(sentence: string): void
}

/** Rows of one sample. */
const SAMPLE = 2_000

/** Until the signal. @param name without: whichever model is active, and after a promotion the next one. Errors: USAGE, NOTHING_LEARNED. */
export async function watchSums(deps: VerifyDeps, name: string | undefined, options: WatchOptions): Promise<void> {
  const { clock, everyMs, signal } = options
  const metrics = verifyMetrics(options.metrics)
  let verifier: Verifier | null = await openVerifier(deps, name)
  let after: SumsPlace = FIRST
  let round: Found = nothing()

  async function sample(): Promise<void> {
    if (verifier && name === undefined && !(await isActive(deps, verifier))) verifier = null
    const current = verifier ?? (await openVerifier(deps, name))
    if (!verifier) [verifier, after, round] = [current, FIRST, nothing()]
    const page = await current.page(after, SAMPLE)
    if (!page) {
      verifier = null // the learner went back, or applied what was passed over: the next turn folds anew
      return
    }
    const { found, next } = page
    addFound(round, found)
    metrics.compared.inc({ result: 'identical' }, found.identical)
    metrics.compared.inc({ result: 'within_tolerance' }, found.within_tolerance)
    metrics.compared.inc({ result: 'different' }, found.differences.length)
    metrics.differing.set(Math.max(found.differences.length, round.differences.length))
    if (found.differences.length > 0) options.differs(found)
    after = next ?? FIRST
    if (next !== null) return
    options.round({ model: current.model, events: current.events(), ...round })
    metrics.differing.set(round.differences.length)
    metrics.finished.set(clock.now() / 1_000)
    round = nothing()
  }

  while (!signal.aborted) {
    try {
      await sample()
    } catch (error) {
      const known = findStrandlineError(error)
      if (!known) throw error
      options.failed(explain(known))
    }
    await clock.sleep(everyMs, signal)
  }
}

const nothing = (): Found => ({ coefficients: 0, identical: 0, within_tolerance: 0, differences: [] })

const isActive = async ({ store }: VerifyDeps, { model_version }: Verifier) =>
  (await createCoefficientStore(store).version(null))?.model_version === model_version

export const verifyMetrics = (registry: Registry) => ({
  compared: new Counter({
    name: 'strandline_verify_coefficients_total',
    help: 'Coefficients that were compared with a fold of the log, by what came of it',
    labelNames: ['result'] as const,
    registers: [registry],
  }),
  differing: new Gauge({
    name: 'strandline_verify_differing_coefficients',
    help: 'Coefficients of the last round that are not what the log gives',
    registers: [registry],
  }),
  finished: new Gauge({
    name: 'strandline_verify_round_finished_timestamp_seconds',
    help: 'When every coefficient had been compared last',
    registers: [registry],
  }),
})
