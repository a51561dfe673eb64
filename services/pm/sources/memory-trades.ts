/** Trades of others in memory: as they are read, and on their way into the outbox. What the bridge and a backfill have in common. */
import { asJson, type MemoryDatabase } from '../../../core/store/memory/database.ts'
import { addRow, handedOut, type MemoryOutboxRow, nameTrades } from '../../../core/store/memory/outbox.ts'
import { adoptStrand } from '../../../core/store/memory/strands.ts'
import type { OutboxRow } from '../../../core/store/outbox-store.ts'
import type { Side } from '../../../domain/closing/rr.ts'
import type { PositionClosed } from '../../../domain/event.ts'
import { noteProvisional } from '../memory-positions.ts'
import type { RelayClaim } from '../position-store.ts'

/** What is large and says nothing of a trade. */
const LEFT_OUT = [
  'signal_pack',
  'module_intelligence',
  'context_vector',
  'tags',
  'target_agent',
  'session_bucket',
  'features',
]

/** A row of `ad_strands` as its reader gets it (`strandline.strand_text`). */
export const strandText = (strand: object): string =>
  JSON.stringify(Object.fromEntries(Object.entries(strand).filter(([name]) => !LEFT_OUT.includes(name))))

/** What is taken of a row; without an event, nothing. */
interface ForeignRow {
  event?: object
  side?: string
  score_later?: boolean
  strand_id?: string
}

interface TakenTrades {
  added: number
  known: number
  /** Rows of the outbox that the relay has. */
  published: OutboxRow[]
}

/** Trades of others into the outbox, once, whoever brought them first, and their strands tied to their events (`strandline.take_trades`). */
export function takeTrades(db: MemoryDatabase, rows: readonly ForeignRow[], claim: RelayClaim): TakenTrades {
  const given = rows.flatMap((row) => (row.event ? [{ row, event: asJson(row.event) as PositionClosed }] : []))
  const names = nameTrades(
    db,
    given.map(({ event }) => event),
  )
  const added: MemoryOutboxRow[] = []
  const tried = new Set<string>()
  const named = given.map((one, i) => ({ ...one, event_id: names[i] as string }))
  for (const { event, event_id } of named.toSorted((a, b) =>
    a.event_id < b.event_id ? -1 : a.event_id > b.event_id ? 1 : 0,
  )) {
    if (event_id !== event.event_id || tried.has(event_id)) continue
    tried.add(event_id)
    const row = addRow(db, event, claim)
    if (row) added.push(row)
  }
  for (const { payload: event, event_id } of added) {
    const later = named.findLast((g) => g.event_id === event_id && g.row.score_later === true)
    if (later && event?.rr === null) noteProvisional(db, event, later.row.side as Side, null, db.now())
  }
  for (const { row, event_id } of named) if (row.strand_id) adoptStrand(db, row.strand_id, event_id)
  const published = claim.relay === null ? [] : added.map((row) => handedOut(row) as OutboxRow)
  return { added: added.length, known: given.length - added.length, published }
}
