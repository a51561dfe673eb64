/**
 * The history of the old system into the outbox: closed trades of strands (queued or not), then those of lowcap_positions.completed_trades. Strands first,
 * because they have each trade's own context, and its id where the list has none.
 *
 * Pages by key; how far a run is lies in the database (strandline.backfill_runs) and moves in the transaction that takes a page's trades. So a run that is
 * broken off, wherever, is gone on with by the next one and its sums stay right; and the outbox takes each trade once, whoever brings it.
 */
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../../core/clock.ts'
import { explain, findStrandlineError, StrandlineError } from '../../../core/errors.ts'
import type { Store } from '../../../core/store/store.ts'
import { objectOf } from '../../../domain/foreign/json.ts'
import { type ForeignPosition, tradesOfPosition } from '../../../domain/foreign/position-trades.ts'
import type { ForeignTrade } from '../../../domain/foreign/trade.ts'
import { createTradeNames } from '../../../domain/foreign/trade-names.ts'
import { MAX_CLOCK_SKEW_MS } from '../../../domain/validation.ts'
import { createBarStore } from '../bar-store.ts'
import { portfolioStores } from '../portfolio.ts'
import { type BackfillReport, type Example, emptyReport, noteUnusable } from './backfill-report.ts'
import { readStrands } from './read-strands.ts'
import { reasonOf, type Scored, scoreTrades } from './score-trades.ts'

export type Source = 'strands' | 'positions'

/** Rows of one page, and trades of one transaction. */
const PAGE: Record<Source, number> = { strands: 1_000, positions: 500 }
const STEP = 1_000
const SMALLEST = 25
const TURN = 50
/** A database that does not answer is asked again for this long. Milliseconds. */
const PATIENCE_MS = 60_000
const RETRY_MS = 1_000

export interface BackfillState {
  source: Source
  /** Rows of the source that were read. */
  visited: number
  published: number
  known: number
  report: BackfillReport
  resumed: boolean
}

export interface BackfillOptions {
  store: Store
  clock: Clock
  /** Only trades that closed at or after this, ms. */
  since?: number
  /** Counts only: nothing is written. */
  dryRun?: boolean
  /** Who runs it, distinct for each process. */
  owner: string
  /** Ends it after the step under way. */
  signal?: AbortSignal
  progress?: (state: BackfillState, sizes: Record<Source, number>) => void
}

export interface Backfilled extends BackfillState {
  /** Everything was read; false: it was stopped. */
  done: boolean
  /** Rows that were read, of both. */
  read: Record<Source, number>
  /** The newest row of the outbox that may be one of them; null where nothing was written. */
  last_outbox: number | null
}

type Trade = Exclude<Scored, { error: unknown }>

/** A row of a source: its trades, and what of it is none. */
interface Item {
  id: string
  trades: (Trade & { strand_id?: string })[]
}

interface Page {
  items: Item[]
  visited: number
  last: string | null
  more: boolean
}

interface Behind {
  source: Source
  after: string | null
  visited: number
  report: BackfillReport
}

/** Where a run is, and what moves it. */
interface Run {
  state: BackfillState & { after: string | null }
  /** Takes the trades and moves the run behind them. Returns those that the database refused, or null where the run is elsewhere: `state` says where. */
  step(trades: Item['trades'], to: Behind): Promise<Example[] | null>
  end(): Promise<number | null>
}

/**
 * Errors: STORE_UNREACHABLE, STORE_REJECTED (what was taken is; the next run goes on), STACK_BUSY where another process took the run over.
 */
export async function backfill(options: BackfillOptions): Promise<Backfilled> {
  const { store, signal, progress } = options
  const sizes = await store.rpc<Record<Source, number>>('strandline_backfill_sizes', {})
  const run = options.dryRun ? dryRun(options) : await begin(options)
  const read: Record<Source, number> = { strands: 0, positions: 0 }
  let limit = STEP
  while (!signal?.aborted) {
    const { source, after, visited } = run.state
    read[source] = visited
    progress?.(run.state, sizes)
    const outcome = await withPatience(options, async () => {
      const report = structuredClone(run.state.report)
      try {
        const page = await readPage(options, source, after, Math.min(limit, PAGE[source]), report)
        return { page, report, steps: stepsOf(page, limit) }
      } catch (error) {
        if (!isTimeout(error) || limit <= SMALLEST) throw error
        limit = Math.max(SMALLEST, limit >> 2)
        return null
      }
    })
    if (!outcome) continue
    const { page, report, steps } = outcome
    const behind = page.last ?? after // an empty page is behind the last row
    for (const [i, { trades, last }] of steps.entries()) {
      const whole = i === steps.length - 1
      const finished = whole && !page.more
      const to = {
        source: finished && source === 'strands' ? ('positions' as const) : source,
        after: finished && source === 'strands' ? null : whole ? behind : last,
        visited: whole ? (finished && source === 'strands' ? 0 : visited + page.visited) : visited,
        // What the rows behind an earlier step are not counts with them: they are read again where it breaks off.
        report: whole ? report : run.state.report,
      }
      if (whole) read[source] = visited + page.visited
      let refused: Example[] | null
      try {
        refused = await withPatience(options, () => run.step(trades, to))
      } catch (error) {
        if (!isTimeout(error) || limit <= SMALLEST) throw error
        limit = Math.max(SMALLEST, limit >> 2)
        refused = null
      }
      if (!refused) break
      if (!whole) for (const example of refused) noteUnusable(report, example)
      if (finished && source === 'positions') {
        progress?.(run.state, sizes)
        return { ...run.state, read, done: true, last_outbox: await withPatience(options, () => run.end()) }
      }
      if (signal?.aborted) break
    }
  }
  return { ...run.state, read, done: false, last_outbox: null }
}

const isTimeout = (error: unknown) => /statement timeout/i.test(explain(error))

async function withPatience<T>({ clock, signal }: BackfillOptions, ask: () => Promise<T>): Promise<T> {
  for (const started = clock.now(); ; ) {
    try {
      return await ask()
    } catch (error) {
      const passing = findStrandlineError(error)?.code === 'STORE_UNREACHABLE'
      if (!passing || signal?.aborted || clock.now() - started > PATIENCE_MS) throw error
      await clock.sleep(RETRY_MS, signal)
    }
  }
}

/** Whole rows together, up to so many trades. The last step ends the page. */
function stepsOf({ items, last }: Page, limit: number): { trades: Item['trades']; last: string | null }[] {
  const steps: { trades: Item['trades']; last: string | null }[] = []
  let trades: Item['trades'] = []
  for (const item of items) {
    if (trades.length > 0 && trades.length + item.trades.length > limit) {
      steps.push({ trades, last: items[items.indexOf(item) - 1]!.id })
      trades = []
    }
    trades.push(...item.trades)
  }
  return [...steps, { trades, last }]
}

async function readPage(
  options: BackfillOptions,
  source: Source,
  p_after: string | null,
  p_limit: number,
  report: BackfillReport,
): Promise<Page> {
  interface Raw extends Omit<Page, 'items'> {
    rows: { id: string; strand?: string; position?: string }[]
    now: number
    position_ids: string
  }
  const raw = await options.store.rpc<Raw>(`strandline_backfill_${source}`, { p_after, p_limit })
  const items = source === 'strands' ? await ofStrands(options, raw, report) : await ofPositions(options, raw, report)
  for (const item of items) {
    const all = item.trades.length
    item.trades = item.trades.filter((t) => options.since === undefined || t.event.closed_at >= options.since)
    report.before_since += all - item.trades.length
  }
  return { ...raw, items }
}

async function ofStrands(
  { store }: BackfillOptions,
  page: { rows: { id: string; strand?: string }[]; now: number; position_ids: string },
  report: BackfillReport,
): Promise<Item[]> {
  const outcomes = await readStrands(
    portfolioStores(store),
    page.rows.map((row) => row.strand!),
    { ...page, source: 'backfill' },
  )
  return page.rows.map(({ id }, i) => {
    const outcome = outcomes[i]!
    if (outcome.is === 'trade') return { id, trades: [{ ...outcome.trade, strand_id: id }] }
    if (outcome.is !== 'ours') noteUnusable(report, { in: 'strand', id, trade_id: '', why: outcome.reason })
    return { id, trades: [] }
  })
}

async function ofPositions(
  { store }: BackfillOptions,
  { rows, now }: { rows: { id: string; position?: string }[]; now: number },
  report: BackfillReport,
): Promise<Item[]> {
  const found: { id: string; trade: ForeignTrade }[] = []
  const note = (id: string, trade_id: string, why: string) =>
    noteUnusable(report, { in: 'position', id, trade_id, why })
  for (const [i, { id, position }] of rows.entries()) {
    if (i % TURN === TURN - 1) await setImmediate()
    const read = tradesOfPosition({ ...objectOf(position), id } as ForeignPosition, now)
    for (const element of read) {
      if ('problem' in element) note(id, element.trade_id, element.problem)
      else if (element.trade.event.closed_at > now + MAX_CLOCK_SKEW_MS)
        note(
          id,
          element.trade.event.trade_id,
          `The exit lies in the future (${new Date(element.trade.event.closed_at).toISOString()}).`,
        )
      else found.push({ id, trade: element.trade })
    }
  }
  const scored = await scoreTrades(
    createBarStore(store),
    found.map((f) => f.trade),
  )
  const trades = new Map<string, Trade[]>(rows.map(({ id }) => [id, []]))
  for (const [i, { id, trade }] of found.entries()) {
    const outcome = scored[i]!
    if ('error' in outcome) note(id, trade.event.trade_id, reasonOf(outcome.error))
    else trades.get(id)!.push(outcome)
  }
  return rows.map(({ id }) => ({ id, trades: trades.get(id)! }))
}

const refOf = (trade: Item['trades'][number]) =>
  JSON.stringify([trade.strand_id ?? null, trade.event.position_id, trade.event.trade_id])

/** A run that the database keeps. */
async function begin({ store, since, owner }: BackfillOptions): Promise<Run> {
  type Kept = Omit<Run['state'], 'resumed' | 'report'> & { run: number; report: Partial<BackfillReport> }
  type Answer =
    | { status: 'ok'; published: number; known: number; refused: [ref: string, reason: string][] }
    | { status: 'page'; reason: string }
    | ({ status: 'fenced' | 'stale' } & Kept)
  const p_since = since === undefined ? '' : new Date(since).toISOString()
  const begun = await store.rpc<Kept & { resumed: boolean }>('strandline_backfill_begin', { p_owner: owner, p_since })
  const p_run = begun.run
  const stateOf = ({ run: _, report, ...rest }: Kept): Run['state'] => ({
    ...rest,
    report: { ...emptyReport(), ...report },
    resumed: begun.resumed,
  })
  const fenced = () =>
    new StrandlineError('STACK_BUSY', 'Another backfill has taken over.', {
      todo: 'It goes on where this one was; wait for its end.',
    })
  const run: Run = {
    state: stateOf(begun),
    async step(trades, to) {
      const { source, after } = run.state
      const args = {
        p_run,
        p_owner: owner,
        p_step: JSON.stringify({ in: source, from: after, ...to }),
        p_rows: JSON.stringify(trades.map((t) => ({ ...t, ref: refOf(t) }))),
      }
      let answer = await store.rpc<Answer>('strandline_backfill_step', { ...args, p_each: false })
      if (answer.status === 'page')
        answer = await store.rpc<Answer>('strandline_backfill_step', { ...args, p_each: true })
      if (answer.status === 'fenced') throw fenced()
      if (answer.status === 'stale') run.state = stateOf(answer) // the answer of a step was lost: it was taken
      if (answer.status !== 'ok') return null
      const refused = answer.refused.map(([ref, why]): Example => {
        const [strand, position, trade_id] = JSON.parse(ref) as [string | null, string, string]
        const where =
          strand === null ? ({ in: 'position', id: position } as const) : ({ in: 'strand', id: strand } as const)
        return { ...where, trade_id, why: `The database refused it: ${why}.` }
      })
      const report = structuredClone(to.report)
      for (const example of refused) noteUnusable(report, example)
      const { published, known } = run.state
      run.state = { ...run.state, ...to, report, published: published + answer.published, known: known + answer.known }
      return refused
    },
    async end() {
      const p_report = JSON.stringify(run.state.report)
      const ended = await store.rpc<{ status: string; last_outbox: number }>('strandline_backfill_end', {
        p_run,
        p_owner: owner,
        p_report,
      })
      if (ended.status !== 'ok') throw fenced()
      return ended.last_outbox
    },
  }
  return run
}

/** Counts as a run would: what it would take is known from then on, by either name. */
function dryRun({ store }: BackfillOptions): Run {
  const taken = new Set<string>()
  const nameOf = createTradeNames()
  const run: Run = {
    state: {
      source: 'strands',
      after: null,
      visited: 0,
      published: 0,
      known: 0,
      report: emptyReport(),
      resumed: false,
    },
    async step(trades, to) {
      const p_events = JSON.stringify(trades.map((t) => t.event))
      const known = new Set(
        trades.length === 0 ? [] : await store.rpc<number[]>('strandline_backfill_known', { p_events }),
      )
      for (const [i, { event }] of trades.entries()) {
        const name = nameOf(event)
        if (known.has(i) || taken.has(name)) run.state.known++
        else run.state.published++
        taken.add(name)
      }
      run.state = { ...run.state, ...to }
      return []
    },
    end: async () => null,
  }
  return run
}
