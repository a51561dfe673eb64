/**
 * The bridge: drains learning_queue, where a trigger puts every new strand. A position_closed strand that somebody else inserted becomes an
 * event through the outbox; what our own projector wrote is no news.
 *
 * A scan goes through what waits in pages by key, so that a page costs the same whatever lies before and behind it. Rows that rest after a failure
 * are passed; while more than a page of them rest, looks begin behind the last row that was seen, and only one a minute at the first.
 */
import { explain, findStrandlineError, StrandlineError } from '../../../core/errors.ts'
import type { Liveness } from '../../../core/liveness.ts'
import { sayLeftOut } from '../close-position.ts'
import { claimOf, type Portfolio, withBeats } from '../portfolio.ts'
import type { Background } from '../ticks.ts'
import type { QueuePage, SettleAnswer, Settled } from './queue-store.ts'
import { readStrands, type StrandOutcome } from './read-strands.ts'

/** Strands of one transaction. */
const PAGE = 1_000
const SMALLEST = 25
/** A page that takes longer is followed by a smaller one: a hosted project ends a statement after 8 s, and whoever stops waits for it. Milliseconds. */
const LONG_MS = 4_000
/** Not smaller for that: what a page costs whatever is in it would cost the most. */
const SHORT = 100
/** A page up to this is published at once by our own relay; a larger one is left to polls, so that no close of a position waits behind it. */
const AT_ONCE = 50
/** Of a page that the database refused as a whole: most of these will do. */
const PART = 100
/** Rows rest a minute at least. Milliseconds. */
const RESCAN_MS = 60_000

export interface Drained {
  /** Trades that are new to the log. */
  published: number
  /** Trades that it had from elsewhere. */
  known: number
  failed: number
}

/** Where the next scan begins, and how large its pages are; kept from one to the next. */
export interface Scan {
  after: string | null
  page: number
  /** When the last scan from the first row began, ms, and how many rows rested since. */
  fromFirst: number
  resting: number
}

export const firstScan = (): Scan => ({ after: null, page: PAGE, fromFirst: Number.NEGATIVE_INFINITY, resting: 0 })

/**
 * Settles every strand that waits. One that the database refuses is set aside for a while (strandline.set_aside), unless it refuses every one of them:
 * then it is the database.
 * @param signal ends it after the page under way
 * Errors: STORE_UNREACHABLE (what was settled is, the rest is tried again), STORE_REJECTED.
 */
export async function drainLearningQueue(pm: Portfolio, scan = firstScan(), signal?: AbortSignal): Promise<Drained> {
  const total: Drained = { published: 0, known: 0, failed: 0 }
  if (scan.after === null) Object.assign(scan, { fromFirst: pm.clock.now(), resting: 0 })
  for (let after = scan.after; !signal?.aborted; ) {
    const started = pm.clock.now()
    const page = await bySize(scan, () => pm.queue.page(after, scan.page))
    scan.resting += page.resting
    const answer = page.rows.length === 0 ? null : await settlePage(pm, page, scan.page)
    if (answer) count(pm, total, answer)
    scan.page = nextPage(scan.page, pm.clock.now() - started)
    after = page.last ?? after
    const again = scan.resting <= PAGE || (!page.more && pm.clock.now() - scan.fromFirst >= RESCAN_MS)
    scan.after = again ? null : after // what breaks off here is not begun anew, where that would be a long way
    if (!page.more) return total
  }
  return total
}

function count(pm: Portfolio, total: Drained, { added, known, failed, refused }: SettleAnswer): void {
  total.published += added
  total.known += known
  total.failed += failed
  for (const [outcome, n] of Object.entries({ published: added, known, failed, refused: refused.length }))
    pm.metrics?.bridged.inc({ outcome }, n)
  for (const [id, reason] of refused)
    pm.logger.warn({ queue_id: id }, `A strand of the learning queue could not be taken, and is tried again: ${reason}`)
}

const isTimeout = (error: unknown) => /statement timeout/i.test(explain(error))

/** A page that the database did not finish in its time is asked for again, smaller. */
async function bySize<T>(scan: Scan, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!isTimeout(error) || scan.page <= SMALLEST) throw error
      scan.page = Math.max(SMALLEST, Math.floor(scan.page / 4))
    }
  }
}

function nextPage(page: number, ms: number): number {
  if (ms > LONG_MS) return Math.min(page, Math.max(SHORT, page >> 1))
  return ms < LONG_MS / 2 ? Math.min(PAGE, page * 2) : page
}

async function settlePage(pm: Portfolio, page: QueuePage, size: number): Promise<SettleAnswer> {
  const strands = page.rows.filter((row) => row.strand !== null && !row.ours)
  const outcomes = await readStrands(
    pm,
    strands.map((row) => row.strand!),
    { ...page, source: 'learning-queue' },
  )
  const byRow = new Map(strands.map((row, i) => [row, outcomes[i]!]))
  const results = page.rows.map((row): Settled => {
    const outcome = byRow.get(row)
    if (outcome) return settled(pm, row, outcome)
    return { id: row.id, error: row.ours ? null : 'the strand is not in ad_strands any more' }
  })
  return settleRows(pm, results, size)
}

function settled(pm: Portfolio, { id, strand_id }: { id: string; strand_id: string }, outcome: StrandOutcome): Settled {
  switch (outcome.is) {
    case 'ours':
      return { id, error: null }
    case 'ahead':
      pm.logger.warn({ strand_id }, `A strand of the learning queue waits. ${outcome.reason}`)
      return { id, error: outcome.reason, wait_ms: outcome.ahead + 1_000 }
    case 'unusable':
      if (!findStrandlineError(outcome.error))
        pm.logger.error({ err: outcome.error, strand_id }, 'a strand could not be read')
      pm.logger.warn({ strand_id }, `A strand of the learning queue is no trade: ${outcome.reason}`)
      return { id, error: outcome.reason }
    case 'trade':
      if (outcome.trade.event.left_out) sayLeftOut(pm, outcome.trade.event)
      return { id, error: null, ...outcome.trade }
  }
}

async function settleRows(pm: Portfolio, results: Settled[], size: number): Promise<SettleAnswer> {
  const atOnce = results.length <= AT_ONCE
  const claim = atOnce ? claimOf(pm) : { relay: null, leaseMs: 0 }
  const offer = (answer: SettleAnswer) => {
    if (atOnce) for (const row of answer.published) pm.relay?.offer(row)
    return answer
  }
  let whole: SettleAnswer | { page: string }
  try {
    whole = await pm.queue.settle(results, claim)
  } catch (error) {
    if (!isTimeout(error) || results.length <= SMALLEST) throw error
    whole = { page: explain(error) }
  }
  if (!('page' in whole)) return offer(whole)
  if (results.length > PART) {
    let answer: SettleAnswer = { added: 0, published: [], known: 0, failed: 0, refused: [] }
    for (let at = 0; at < results.length; at += PART)
      answer = sum(answer, await settleRows(pm, results.slice(at, at + PART), Math.min(PART, results.length - at)))
    return answer
  }
  const answer = offer(await pm.queue.settleEach(results, claim))
  if (answer.refused.length === 0) return answer
  const took = answer.refused.length < results.length
  const [, reason] = answer.refused[0]!
  // A page full of them could be followed by one that is all right.
  if (!took && results.length < size && answer.refused.some(([, , own]) => !own))
    throw new StrandlineError('STORE_REJECTED', `The database refused strandline_bridge_settle(): ${reason}.`)
  const ids = new Set(answer.refused.map(([id]) => id))
  const refused = results.filter((r) => ids.has(r.id)).map((r) => ({ ...r, keep: true }))
  const again = await pm.queue.settleEach(refused, claim)
  return sum({ ...answer, refused: [] }, offer(again))
}

const sum = (a: SettleAnswer, b: SettleAnswer): SettleAnswer => ({
  added: a.added + b.added,
  published: [...a.published, ...b.published],
  known: a.known + b.known,
  failed: a.failed + b.failed,
  refused: [...a.refused, ...b.refused],
})

/** Drains the queue again and again. */
export function startBridge(pm: Portfolio, pollMs = 1_000, liveness?: Liveness): Background {
  const stopping = new AbortController()
  const beats = liveness?.loop('The bridge')
  const living = withBeats(pm, beats)
  const scan = firstScan()
  let since: string | undefined
  let reason = ''
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      beats?.beat()
      try {
        await drainLearningQueue(living, scan, stopping.signal)
        since = undefined
      } catch (err) {
        if (since === undefined) pm.logger.warn({ err }, `The learning queue was not drained: ${explain(err)}`)
        since ??= new Date(pm.clock.now()).toISOString()
        reason = explain(err)
        scan.after = null
      }
      await pm.clock.sleep(pollMs, stopping.signal)
    }
  })()
  liveness?.keeps('The bridge', loop, stopping.signal)
  return {
    failure: () =>
      since === undefined ? undefined : `The bridge from learning_queue has failed since ${since}: ${reason}`,
    async stop() {
      stopping.abort()
      await loop
    },
  }
}
