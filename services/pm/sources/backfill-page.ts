/** A page of the old system's rows to trades that can be published, and a note of what is none. */
import { setImmediate } from 'node:timers/promises'
import { objectOf } from '../../../domain/foreign/json.ts'
import { type ForeignPosition, tradesOfPosition } from '../../../domain/foreign/position-trades.ts'
import type { ForeignTrade } from '../../../domain/foreign/trade.ts'
import { MAX_CLOCK_SKEW_MS } from '../../../domain/validation.ts'
import type { PortfolioStores } from '../portfolio.ts'
import type { Example } from './backfill-report.ts'
import type { BackfillStore, RunPlace, SourcePage, SourceTrade } from './backfill-store.ts'
import { readStrands } from './read-strands.ts'
import { reasonOf, scoreTrades } from './score-trades.ts'

/** Between so many others get their turn. */
const TURN = 50

export interface BackfillStores extends Pick<PortfolioStores, 'bars' | 'queue'> {
  backfill: BackfillStore
}

/** What rows of a source hold. */
interface Found {
  trades: SourceTrade[]
  unusable: Example[]
  /** Trades that closed before `since`. */
  before_since: number
}

const nothing = (): Found => ({ trades: [], unusable: [], before_since: 0 })

/** A row with what it holds. */
interface Item extends Found {
  id: string
}

export interface Page extends Omit<SourcePage, 'rows' | 'now'> {
  items: Item[]
}

/** @param since only trades that closed at or after this, ms. Errors: STORE_UNREACHABLE, STORE_REJECTED. */
export async function readPage(
  stores: BackfillStores,
  { source, after }: Pick<RunPlace, 'source' | 'after'>,
  limit: number,
  since: number | undefined,
): Promise<Page> {
  const { page, items } = await (source === 'strands' ? ofStrands : ofPositions)(stores, after, limit)
  for (const item of items) {
    const all = item.trades.length
    item.trades = item.trades.filter((t) => since === undefined || t.event.closed_at >= since)
    item.before_since = all - item.trades.length
  }
  return { ...page, items }
}

type Read = Promise<{ page: SourcePage; items: Item[] }>

async function ofStrands(stores: BackfillStores, after: string | null, limit: number): Read {
  const page = await stores.backfill.strands(after, limit)
  const texts = page.rows.map(({ text }) => text)
  const outcomes = await readStrands(stores, texts, { ...page, source: 'backfill' })
  const items = page.rows.map(({ id }, i): Item => {
    const outcome = outcomes[i]!
    const item: Item = { id, ...nothing() }
    if (outcome.is === 'trade') item.trades.push({ ...outcome.trade, strand_id: id })
    else if (outcome.is !== 'ours') item.unusable.push({ in: 'strand', id, trade_id: '', why: outcome.reason })
    return item
  })
  return { page, items }
}

async function ofPositions(stores: BackfillStores, after: string | null, limit: number): Read {
  const page = await stores.backfill.positions(after, limit)
  const found: { id: string; trade: ForeignTrade }[] = []
  const items = new Map<string, Item>(page.rows.map(({ id }) => [id, { id, ...nothing() }]))
  const note = (id: string, trade_id: string, why: string) =>
    items.get(id)!.unusable.push({ in: 'position', id, trade_id, why })
  for (const [i, { id, text }] of page.rows.entries()) {
    if (i % TURN === TURN - 1) await setImmediate()
    for (const element of tradesOfPosition({ ...objectOf(text), id } as ForeignPosition, page.now)) {
      if ('problem' in element) note(id, element.trade_id, element.problem)
      else if (element.trade.event.closed_at > page.now + MAX_CLOCK_SKEW_MS)
        note(id, element.trade.event.trade_id, `The exit lies in the future (${iso(element.trade.event.closed_at)}).`)
      else found.push({ id, trade: element.trade })
    }
  }
  const all = found.map((f) => f.trade)
  const scored = await scoreTrades(stores.bars, all)
  for (const [i, { id, trade }] of found.entries()) {
    const outcome = scored[i]!
    if ('error' in outcome) note(id, trade.event.trade_id, reasonOf(outcome.error))
    else items.get(id)!.trades.push(outcome)
  }
  return { page, items: [...items.values()] }
}

const iso = (ms: number) => new Date(ms).toISOString()

export interface PageStep extends Found {
  last: string | null
}

/** Whole rows together, up to so many trades. The last step ends the page. */
export function stepsOf({ items, last }: Page, limit: number): PageStep[] {
  const steps: PageStep[] = []
  let found = nothing()
  for (const [i, item] of items.entries()) {
    if (found.trades.length > 0 && found.trades.length + item.trades.length > limit) {
      steps.push({ ...found, last: items[i - 1]!.id })
      found = nothing()
    }
    found.trades.push(...item.trades)
    found.unusable.push(...item.unusable)
    found.before_since += item.before_since
  }
  return [...steps, { ...found, last }]
}
