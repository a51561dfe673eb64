/** Verdicts that were asked for: each is computed once for as long as nothing that it rests on has changed, one at a time. */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../../core/clock.ts'
import type { Config } from '../../core/config.ts'
import type { EventLog } from '../../core/log/log.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import type { Store } from '../../core/store/store.ts'
import type { Verdict } from '../../domain/verdict/verdict.ts'
import { createVerdictStore } from '../../replay/verdict-store.ts'
import type { Jobs } from '../jobs/jobs.ts'

export interface TimedVerdict extends Verdict {
  /** When it was begun, ISO 8601, and how long it took. */
  at: string
  seconds: number
}

export interface VerdictQuestion {
  models?: string[]
  /** ms */
  since?: number
}

export interface Verdicts {
  /** The last answer while the log, the tries and the models are what they were. Errors: those of the verdict. @param fresh: computed now in any case */
  ask(question: VerdictQuestion, fresh?: boolean): Promise<TimedVerdict>
}

const KEPT = 10

interface Kept {
  /** What it rests on. */
  basis: string
  verdict: TimedVerdict
}

export interface VerdictDeps {
  jobs: Pick<Jobs, 'verdict'>
  store: Store
  log: Pick<EventLog, 'offsets'>
  config: Pick<Config, 'topic'>
  clock: Clock
}

export function createVerdicts({ jobs, store, log, config: { topic }, clock }: VerdictDeps): Verdicts {
  const tries = createVerdictStore(store)
  const coefficients = createCoefficientStore(store)
  const kept = new LRUCache<string, Kept>({ max: KEPT })
  const running = new Map<string, Promise<TimedVerdict>>()
  let before: Promise<unknown> = Promise.resolve()

  /** The log, what was tried on it, and what is learned here. */
  async function look() {
    const [ranges, tried, versions] = await Promise.all([log.offsets(topic), tries.tried(topic), coefficients.list()])
    return {
      log: ranges.map(({ partition, start, end }) => `${partition}:${start}-${end}`),
      tried: new Map(tried.map(({ hash, since, p }) => [`${hash} ${since}`, p])),
      models: versions.flatMap((v) => (v.topic === topic && !v.dropping ? [v.hash] : [])),
    }
  }
  const basisOf = ({ log, tried, models }: Awaited<ReturnType<typeof look>>) =>
    JSON.stringify([[...log].sort(), [...tried].sort(), [...new Set(models)].sort()])

  async function compute(name: string, question: VerdictQuestion): Promise<TimedVerdict> {
    const began = clock.now()
    const found = await look()
    const judged = await jobs.verdict(question)
    // each model that was tried is noted, and counts as one try of the next verdict as well
    for (const { hash, p } of judged.models) if (p !== null) found.tried.set(`${hash} ${question.since ?? 0}`, p)
    const verdict = { ...judged, at: new Date(began).toISOString(), seconds: (clock.now() - began) / 1_000 }
    kept.set(name, { basis: basisOf(found), verdict })
    return verdict
  }

  return {
    async ask(question, fresh = false) {
      const name = JSON.stringify([question.models ?? null, question.since ?? 0])
      const known = fresh ? undefined : kept.get(name)
      if (known && known.basis === basisOf(await look())) return known.verdict
      let run = running.get(name)
      if (!run) {
        run = before.then(() => compute(name, question)).finally(() => running.delete(name))
        running.set(name, run)
        before = run.catch(() => undefined)
      }
      return run
    },
  }
}
