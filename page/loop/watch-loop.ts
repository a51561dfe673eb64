/** Looks at the loop: every second while somebody watches, else every ten, so that the last hours can be drawn. */
import { explain, StrandlineError } from '../../core/errors.ts'
import { createLagStore } from '../../core/lag/lag-store.ts'
import { readLag } from '../../core/lag/read-lag.ts'
import { isLearner } from '../../core/runner/consumer-names.ts'
import type { ServiceDeps } from '../../core/service.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { readCoefficients } from '../../core/store/learned.ts'
import { duration } from '../../doctor/finding.ts'
import { learnedOutcome } from '../../domain/learning/outcome.ts'
import { createAuditStore } from '../../services/audit/audit-store.ts'
import type { Histories } from '../histories.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { type CourseKeeper, createCourse } from './course.ts'
import { createLatencySamples } from './latency.ts'
import { createNewestTrades } from './newest-trades.ts'
import { problemsOf } from './problems.ts'
import type { LoopState, Problem } from './state.ts'

const WATCHED_MS = 1_000
const UNWATCHED_MS = 10_000
/** Between two audits: at least, and so many times as long as one takes, by whether somebody watches. */
const AUDIT_MS = 15_000
const AUDIT_SHARE = { watched: 4, unwatched: 40 }
const TRADES = 12

export interface LoopWatch extends Pick<CourseKeeper, 'course'> {
  state(): LoopState
  /** What could not be looked at the last time, and why; null: nothing. */
  failure(): string | null
  /** Calls `changed` after each look, until it is told to stop. */
  listen(changed: (state: LoopState) => void): () => void
  stop(): Promise<void>
}

/** Until the first look nobody knows: it must not be read as nothing being wrong. */
const NOT_LOOKED: Problem = {
  severity: 'warning',
  what: 'The loop has not been looked at yet: the page was started a moment ago.',
  todo: 'The first look takes a few seconds; what is away then is said here.',
}

/** A record of the log is read as it comes. */
const STALE_MS = 15_000

const unread = (ms: number) =>
  new StrandlineError('LOG_UNREACHABLE', `The newest trades have not been read from the log for ${duration(ms)}.`)

/** A look takes a fraction of a second. */
const SLOW_MS = 4_000
const unanswered = (ms: number): Problem => ({
  severity: 'error',
  what: `Database or Kafka has not answered for ${duration(ms)}.`,
  todo: 'What is shown below is of before. Look whether both run: ./strandline doctor says which one does not.',
})

export function watchLoop(
  deps: Pick<ServiceDeps, 'config' | 'store' | 'log' | 'clock' | 'liveness'>,
  { histories, jobs }: { histories: Histories; jobs: Jobs },
): LoopWatch {
  const { store, log, clock, config } = deps
  const { topic } = config
  const lagStore = createLagStore(store)
  const audits = createAuditStore(store)
  const coefficients = createCoefficientStore(store)
  const latency = createLatencySamples()
  const course = createCourse()
  const newestOf = createNewestTrades(TRADES)
  const listeners = new Set<(state: LoopState) => void>()
  const stopping = new AbortController()
  let sooner = new AbortController()
  let waitingSince: number | null = null
  let tradesSince: number | null = null
  let auditing = false
  let audited = { at: 0, took: 0 }
  let failure: string | null = 'It has not looked yet.'
  let state: LoopState = {
    at: new Date(clock.now()).toISOString(),
    topic,
    outbox: null,
    log: null,
    consumers: [],
    latency: null,
    learned: null,
    dead_letters: 0,
    trades: null,
    reading: null,
    problems: [NOT_LOOKED],
    audit: null,
  }

  async function look(): Promise<void> {
    const failures: string[] = []
    const tried = <T>(work: Promise<T>): Promise<T | undefined> =>
      work.catch((error) => {
        const sentence = explain(error)
        if (!failures.includes(sentence)) failures.push(sentence)
        return undefined
      })
    const [lag, ranges, outbox, baseline, trades] = await Promise.all([
      tried(readLag({ lag: lagStore, log, clock }, topic)),
      tried(log.offsets(topic)),
      tried(audits.outboxDepth()),
      tried(readBaseline()),
      tried(readTrades()),
    ])
    const now = clock.now()
    if (lag) {
      course.add(lag)
      await tried(latency.sample(lag, log, now))
    }
    if (outbox !== undefined) waitingSince = outbox === 0 ? null : (waitingSince ?? now)
    const records = ranges ? ranges.reduce((sum, r) => sum + r.end - r.start, 0) : (state.log?.records ?? 0)
    const at = new Date(now).toISOString()
    const active = lag?.groups.find((g) => g.active && isLearner(g.consumer))
    state = {
      ...state,
      at,
      outbox: outbox ?? state.outbox,
      log: ranges ? { records, partitions: ranges.length } : state.log,
      consumers: lag?.groups ?? state.consumers,
      latency: latency.summary(),
      learned: baseline === undefined ? state.learned : baseline,
      dead_letters: lag ? (active?.dead_letters ?? 0) : state.dead_letters,
      ...(trades ?? {}),
      problems: problemsOf({
        failures,
        lag: lag ?? null,
        records,
        outbox: outbox ?? null,
        waitingSince,
        audit: state.audit,
        now,
      }),
    }
    failure = failures[0] ?? null
    const share = listeners.size > 0 ? AUDIT_SHARE.watched : AUDIT_SHARE.unwatched
    const isDue = now - audited.at >= Math.max(AUDIT_MS, share * audited.took)
    if (failure === null && !auditing && isDue) void auditOnce(now)
  }

  /** What does not answer is no reason to show what was before as if it were now. */
  async function lookAloud(): Promise<void> {
    const before = state.problems.filter((p) => p !== NOT_LOOKED)
    const isSaid = before.length > 0 && failure !== null // the last look named what is away
    const began = clock.now()
    const over = new AbortController()
    const looking = look().finally(() => over.abort())
    const either = AbortSignal.any([stopping.signal, over.signal])
    for (;;) {
      await clock.sleep(SLOW_MS, either)
      if (either.aborted) return looking
      if (!isSaid) state = { ...state, problems: [unanswered(clock.now() - began), ...before] }
      tell()
    }
  }

  async function readBaseline(): Promise<LoopState['learned']> {
    const version = await coefficients.version(null)
    if (!version) return null
    const { global_rr } = await readCoefficients(coefficients, [])
    return { model: version.definition.name, outcome: learnedOutcome(version.definition), n: global_rr.n }
  }

  /** Does not wait for the log to be read: until it is, the page says how far that is. */
  async function readTrades(): Promise<Pick<LoopState, 'trades' | 'reading'>> {
    if (listeners.size === 0) {
      tradesSince = null
      return { trades: state.trades, reading: null } // the log is read once somebody looks
    }
    if ((await coefficients.version(null)) === null) return { trades: [], reading: null }
    const opening = histories.open()
    opening.catch(() => undefined)
    const soon = await Promise.race([opening, clock.sleep(WATCHED_MS / 2).then(() => null)])
    if (soon) {
      tradesSince = null
      return { trades: newestOf(soon.history), reading: null }
    }
    const reading = await histories.progress()
    tradesSince = reading ? null : (tradesSince ?? clock.now())
    const stale = tradesSince === null ? 0 : clock.now() - tradesSince
    if (stale > STALE_MS) throw unread(stale)
    return { trades: state.trades, reading }
  }

  async function auditOnce(began: number): Promise<void> {
    auditing = true
    try {
      const report = await jobs.audit()
      const took = clock.now() - began
      state = { ...state, audit: { ...report, at: new Date(began).toISOString(), seconds: took / 1000 } }
    } catch {
      // the next look says what is away
    } finally {
      auditing = false
      audited = { at: clock.now(), took: clock.now() - began }
    }
  }

  const tell = () => {
    for (const changed of listeners) changed(state)
  }
  const beat = deps.liveness?.loop('The look at the loop')
  const done = (async () => {
    while (!stopping.signal.aborted) {
      await lookAloud()
      beat?.beat()
      tell()
      const either = AbortSignal.any([stopping.signal, sooner.signal])
      await clock.sleep(listeners.size > 0 ? WATCHED_MS : UNWATCHED_MS, either)
    }
  })()

  return {
    state: () => state,
    failure: () => failure,
    course: course.course,
    listen(changed) {
      listeners.add(changed)
      sooner.abort()
      sooner = new AbortController()
      return () => listeners.delete(changed)
    },
    async stop() {
      stopping.abort()
      await done
    },
  }
}
