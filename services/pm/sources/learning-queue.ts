/**
 * The bridge: drains learning_queue, where a trigger puts every new strand. A position_closed strand that somebody else inserted becomes an
 * event through the outbox; what our own projector wrote is no news.
 *
 * A look goes through what waits in pages by key, so that a page costs the same whatever lies before and behind it. Rows that rest after a failure
 * are passed; while more than a page of them rest, looks begin behind the last row that was seen, and only one a minute at the first.
 */
import { explain, findStrandlineError, StrandlineError } from '../../../core/errors.ts'
import type { Liveness } from '../../../core/liveness.ts'
import { beatingStore } from '../../../core/store/beating-store.ts'
import { sayLeftOut } from '../close-position.ts'
import type { OutboxRow } from '../outbox.ts'
import { claimArgs, type Portfolio } from '../portfolio.ts'
import type { Background } from '../ticks.ts'
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
const LOOK_AGAIN_MS = 60_000

export interface Drained {
  /** Trades that are new to the log. */
  published: number
  /** Trades that it had from elsewhere. */
  known: number
  failed: number
}

interface Page {
  rows: { id: string; strand_id: string; strand: string | null; ours: boolean }[]
  resting: number
  /** Null where nothing was left. */
  last: string | null
  /** There may be another page. */
  more: boolean
  now: number
  position_ids: string
}

interface Answer {
  added: number
  /** Rows of the outbox that our own relay has. */
  published: OutboxRow[]
  known: number
  failed: number
  /** Rows that the database refused, with its reason: they stay pending. `own`: it is for sure the row's own fault, and not the database's. */
  refused: [id: string, reason: string, own: boolean][]
}

interface Settled {
  id: string
  error: string | null
  event?: object
  /** It is no trade yet: looked at again after this. */
  wait_ms?: number
  /** Where the database refuses it, it rests, so that those behind it get their turn. */
  keep?: boolean
  side?: string
  score_later?: boolean
}

/** Where the next look begins, and how large its pages are; kept from one to the next. */
export interface Look {
  after: string | null
  page: number
  /** When the last look from the first row began, ms, and how many rows rested since. */
  fromFirst: number
  resting: number
}

export const firstLook = (): Look => ({ after: null, page: PAGE, fromFirst: Number.NEGATIVE_INFINITY, resting: 0 })

/**
 * Settles every strand that waits. One that the database refuses is set aside for a while (strandline.set_aside), unless it refuses every one of them:
 * then it is the database.
 * @param signal ends it after the page under way
 * Errors: STORE_UNREACHABLE (what was settled is, the rest is tried again), STORE_REJECTED.
 */
export async function drainLearningQueue(pm: Portfolio, look = firstLook(), signal?: AbortSignal): Promise<Drained> {
  const total: Drained = { published: 0, known: 0, failed: 0 }
  if (look.after === null) Object.assign(look, { fromFirst: pm.clock.now(), resting: 0 })
  for (let after = look.after; !signal?.aborted; ) {
    const started = pm.clock.now()
    const page = await bySize(look, () =>
      pm.store.rpc<Page>('strandline_bridge_page', { p_after: after, p_limit: look.page }),
    )
    look.resting += page.resting
    const answer = page.rows.length === 0 ? null : await settlePage(pm, page, look.page)
    if (answer) count(pm, total, answer)
    look.page = nextPage(look.page, pm.clock.now() - started)
    after = page.last ?? after
    const again = look.resting <= PAGE || (!page.more && pm.clock.now() - look.fromFirst >= LOOK_AGAIN_MS)
    look.after = again ? null : after // what breaks off here is not begun anew, where that would be a long way
    if (!page.more) return total
  }
  return total
}

function count(pm: Portfolio, total: Drained, { added, known, failed, refused }: Answer): void {
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
async function bySize<T>(look: Look, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!isTimeout(error) || look.page <= SMALLEST) throw error
      look.page = Math.max(SMALLEST, Math.floor(look.page / 4))
    }
  }
}

function nextPage(page: number, ms: number): number {
  if (ms > LONG_MS) return Math.min(page, Math.max(SHORT, page >> 1))
  return ms < LONG_MS / 2 ? Math.min(PAGE, page * 2) : page
}

async function settlePage(pm: Portfolio, page: Page, size: number): Promise<Answer> {
  const strands = page.rows.filter((row) => row.strand !== null && !row.ours)
  const outcomes = await readStrands(
    pm.store,
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

async function settleRows(pm: Portfolio, results: Settled[], size: number): Promise<Answer> {
  const atOnce = results.length <= AT_ONCE
  const claim = atOnce ? claimArgs(pm) : { p_relay: null, p_lease_ms: 0 }
  const settle = async <A extends Answer | { page: string }>(rows: Settled[], p_each: boolean) => {
    const p_results = JSON.stringify(rows)
    return pm.store.rpc<A>('strandline_bridge_settle', { p_results, p_each, ...claim })
  }
  const offer = (answer: Answer) => {
    if (atOnce) for (const row of answer.published) pm.relay?.offer(row)
    return answer
  }
  let whole: Answer | { page: string }
  try {
    whole = await settle(results, false)
  } catch (error) {
    if (!isTimeout(error) || results.length <= SMALLEST) throw error
    whole = { page: explain(error) }
  }
  if (!('page' in whole)) return offer(whole)
  if (results.length > PART) {
    let answer: Answer = { added: 0, published: [], known: 0, failed: 0, refused: [] }
    for (let at = 0; at < results.length; at += PART)
      answer = sum(answer, await settleRows(pm, results.slice(at, at + PART), Math.min(PART, results.length - at)))
    return answer
  }
  const answer = offer(await settle<Answer>(results, true))
  if (answer.refused.length === 0) return answer
  const took = answer.refused.length < results.length
  const [, reason] = answer.refused[0]!
  // A page full of them could be followed by one that is all right.
  if (!took && results.length < size && answer.refused.some(([, , own]) => !own))
    throw new StrandlineError('STORE_REJECTED', `The database refused strandline_bridge_settle(): ${reason}.`)
  const ids = new Set(answer.refused.map(([id]) => id))
  const again = await settle<Answer>(
    results.filter((r) => ids.has(r.id)).map((r) => ({ ...r, keep: true })),
    true,
  )
  return sum({ ...answer, refused: [] }, offer(again))
}

const sum = (a: Answer, b: Answer): Answer => ({
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
  const beating = { ...pm, store: beatingStore(pm.store, beats) }
  const look = firstLook()
  let since: string | undefined
  let reason = ''
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      beats?.beat()
      try {
        await drainLearningQueue(beating, look, stopping.signal)
        since = undefined
      } catch (err) {
        if (since === undefined) pm.logger.warn({ err }, `The learning queue was not drained: ${explain(err)}`)
        since ??= new Date(pm.clock.now()).toISOString()
        reason = explain(err)
        look.after = null
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
