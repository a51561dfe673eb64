/** Rows of ad_strands, as the database hands them out, to trades that can be published: read, completed from their positions, scored. */
// biome-ignore lint/plugin: for the turns that are given below
import { setImmediate } from 'node:timers/promises'
import { eventUuid } from '../../../domain/event.ts'
import { nativeId } from '../../../domain/foreign/canonical-id.ts'
import { type Fields, firstText, objectOf } from '../../../domain/foreign/json.ts'
import {
  type ForeignStrand,
  type StrandPosition,
  type StrandTrade,
  tradeOfStrand,
} from '../../../domain/foreign/strand-event.ts'
import { strandId } from '../../../domain/strand.ts'
import { MAX_CLOCK_SKEW_MS } from '../../../domain/validation.ts'
import type { PortfolioStores } from '../portfolio.ts'
import type { QueueStore } from './queue-store.ts'
import { reasonOf, type Scored, scoreTrades } from './score-trades.ts'

/** Between so many others get their turn: a page of a thousand would hold up whoever reports an execution. */
const TURN = 50

export type StrandOutcome =
  /** Our projector wrote it. */
  | { is: 'ours' }
  | { is: 'trade'; trade: Exclude<Scored, { error: unknown }> }
  /** Its exit lies `ahead` ms in the future. */
  | { is: 'ahead'; ahead: number; reason: string }
  | { is: 'unusable'; reason: string; error: unknown }

export interface StrandsReading {
  /** The database's clock, ms. */
  now: number
  /** Type of lowcap_positions.id. */
  position_ids: string
  source: string
}

/** What is asked while strands are read. */
export type StrandReadingStores = Pick<PortfolioStores, 'bars' | 'queue'>

/** @param strands JSON texts of rows. Errors: STORE_UNREACHABLE, STORE_REJECTED. */
export async function readStrands(
  stores: StrandReadingStores,
  strands: string[],
  reading: StrandsReading,
): Promise<StrandOutcome[]> {
  const rows: ForeignStrand[] = []
  for (const [i, text] of strands.entries()) {
    // biome-ignore lint/plugin: a turn for others, of pages longer than any of the simulation
    if (i % TURN === TURN - 1) await setImmediate()
    rows.push(rowOf(text, reading.position_ids))
  }
  const positions = await factsOf(stores.queue, rows)
  const outcomes: (StrandOutcome | StrandTrade)[] = []
  for (const [i, row] of rows.entries()) {
    // biome-ignore lint/plugin: a turn for others, of pages longer than any of the simulation
    if (i % TURN === TURN - 1) await setImmediate()
    outcomes.push(readStrand(row, positions[positionOf(row)], reading))
  }
  const trades = outcomes.filter((o) => 'event' in o)
  const scored = (await scoreTrades(stores.bars, trades)).values()
  return outcomes.map((outcome): StrandOutcome => {
    if (!('event' in outcome)) return outcome
    const trade = scored.next().value!
    return 'error' in trade
      ? { is: 'unusable', reason: reasonOf(trade.error), error: trade.error }
      : { is: 'trade', trade }
  })
}

function readStrand(
  row: ForeignStrand,
  position: StrandPosition | undefined,
  { now, source }: StrandsReading,
): StrandOutcome | StrandTrade {
  if (objectOf(row.metadata)?.projected_by === 'strandline') return { is: 'ours' }
  try {
    const trade = tradeOfStrand(row, { now, position, source })
    const { event_id, closed_at } = trade.event
    if (row.id === strandId(event_id) || row.id === eventUuid(event_id)) return { is: 'ours' }
    const ahead = closed_at - now - MAX_CLOCK_SKEW_MS
    return ahead > 0 ? { is: 'ahead', ahead, reason: aheadReason(closed_at, now) } : trade
  } catch (error) {
    return { is: 'unusable', reason: reasonOf(error), error }
  }
}

const iso = (ms: number) => new Date(ms).toISOString()

const aheadReason = (closed_at: number, now: number) =>
  `The exit of the strand lies in the future (${iso(closed_at)}; by the database's clock it is ${iso(now)}). It is taken once that time has come.`

/** The row, its position id written as lowcap_positions writes it. */
function rowOf(text: string, position_ids: string): ForeignStrand {
  return withNativePosition((objectOf(text) ?? { id: '' }) as ForeignStrand, position_ids)
}

/** @param position_ids type of lowcap_positions.id */
export function withNativePosition<Row extends Fields>(row: Row, position_ids: string): Row {
  const content = objectOf(row.content)
  const position_id = nativeId(firstText(row.position_id, content?.position_id), position_ids)
  return { ...row, content, ...(position_id ? { position_id } : {}) }
}

const positionOf = (row: ForeignStrand): string => firstText(row.position_id)

/** What their positions are of: no strand says all of it, and few say which side it was. */
async function factsOf(queue: QueueStore, rows: ForeignStrand[]): Promise<Record<string, StrandPosition>> {
  const ids = rows.map(positionOf).filter((id) => id !== '')
  return ids.length === 0 ? {} : queue.positionFacts(ids)
}
