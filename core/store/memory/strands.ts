/**
 * The strands' tables in memory, as the migrations make them where no older system was: `ad_strands`, its queue, and which strand is of which event.
 * The projector writes them, the bridge ties the strands of others to their events, the audit counts them.
 */
import { keyOf, type MemoryDatabase } from './database.ts'

/** A row of `ad_strands`; others may write more columns. */
export interface AdStrand {
  id: string
  kind: string | null
  status?: string | null
  position_id?: string | null
  trade_id?: string | null
  // biome-ignore lint/suspicious/noExplicitAny: JSON of others
  content?: any
  // biome-ignore lint/suspicious/noExplicitAny: JSON of others
  metadata?: any
  /** ISO 8601. */
  created_at: string
  updated_at: string
}

/** Which row of `ad_strands` shows an event's trade. */
export interface StrandOfEvent {
  event_id: string
  topic: string | null
  strand_id: string | null
  adopted: boolean
  revision: number | null
  voided: boolean
  /** The strand as the log has it, where `ad_strands` does not show that. */
  projected: object | null
}

export interface QueuedStrand {
  id: number
  strand_id: string
  strand_type: string | null
  status: 'pending' | 'completed' | 'failed'
  error: string | null
  processed_at: string | null
}

export interface SetAside {
  kind: 'position' | 'strand' | 'projection'
  id: string
  scope: string
  reason: string
  attempts: number
  /** ms; null: not tried again before somebody changes it. */
  retry_at: number | null
}

export const strandTables = (db: MemoryDatabase) => ({
  adStrands: db.table<AdStrand>('ad_strands'),
  /** By event. */
  strands: db.table<StrandOfEvent>('strands'),
  /** Second strands of somebody else for one trade, by strand. */
  duplicates: db.table<{ strand_id: string; event_id: string }>('duplicate_strands'),
  queue: db.table<QueuedStrand>('learning_queue'),
  setAside: db.table<SetAside>('set_aside'),
})

export const setAsideKey = (kind: SetAside['kind'], id: string) => keyOf(kind, id)

const nowOf = (db: MemoryDatabase) => new Date(db.now()).toISOString()

/** As anybody inserts a strand: it is queued. */
export function insertStrand(db: MemoryDatabase, row: Pick<AdStrand, 'id' | 'kind'> & Partial<AdStrand>): void {
  const { adStrands, queue } = strandTables(db)
  const now = nowOf(db)
  adStrands.put(row.id, { created_at: now, updated_at: now, status: 'active', ...row })
  const id = db.nextId('learning_queue')
  const waits = { status: 'pending' as const, error: null, processed_at: null }
  queue.put(String(id), { id, strand_id: row.id, strand_type: row.kind, ...waits })
}

/** Ids are compared by their beginning, as PostgreSQL's index does. */
const begins = (id: unknown) => [...String(id)].slice(0, 255).join('')

/** Strands of somebody else for the trade of one of ours that are not tied to an event yet; the oldest first. */
export function foreignStrands(db: MemoryDatabase, of: { position_id: string; trade_id: string }): AdStrand[] {
  const { adStrands, strands, duplicates } = strandTables(db)
  const tied = new Set(strands.rows().map((s) => s.strand_id))
  return adStrands
    .rows()
    .filter((s) => s.kind === 'position_closed' && (s.metadata?.projected_by ?? null) === null)
    .filter((s) => (['position_id', 'trade_id'] as const).every((name) => sameId(s, of, name)))
    .filter((s) => !tied.has(s.id) && !duplicates.get(s.id))
    .sort((a, b) => compare(a.created_at, b.created_at) || compare(a.id, b.id))
}

function sameId(s: AdStrand, of: { position_id: string; trade_id: string }, name: 'position_id' | 'trade_id'): boolean {
  const id = s[name] ?? s.content?.[name] ?? null
  return id !== null && begins(id) === begins(of[name])
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** Ties a strand that somebody else inserted to the trade's event; ours gives way (`strandline.adopt`). */
export function adoptStrand(
  db: MemoryDatabase,
  strandId: string,
  eventId: string,
): { status: 'adopted' | 'not_found' } | { status: 'duplicate'; of: string | null } {
  const { adStrands, strands, duplicates, setAside } = strandTables(db)
  const ours = strands.rows().some((s) => s.strand_id === strandId && !s.adopted)
  if (!isClosedStrand(db, strandId) || ours) return { status: 'not_found' }
  const known = strands.get(eventId)
  if (known?.adopted && known.strand_id === strandId) return { status: 'adopted' }
  if (known?.adopted && isClosedStrand(db, known.strand_id)) {
    if (!duplicates.get(strandId)) duplicates.put(strandId, { strand_id: strandId, event_id: eventId })
    return { status: 'duplicate', of: known.strand_id }
  }
  let projected = known?.projected ?? null
  if (known && known.strand_id !== null && !known.adopted) {
    projected = adStrands.get(known.strand_id) ?? projected
    adStrands.remove(known.strand_id)
  }
  const untied = { event_id: eventId, topic: null, revision: null, voided: false }
  strands.put(eventId, { ...untied, ...known, strand_id: strandId, adopted: true, projected })
  duplicates.remove(strandId)
  setAside.remove(setAsideKey('projection', eventId))
  return { status: 'adopted' }
}

/** Of these events, those whose adopted strand's row is gone: a duplicate follows, or the tie goes (`strandline.untie_gone`). */
export function untieGone(db: MemoryDatabase, events: readonly { event_id: string; revision: number }[]): void {
  const { adStrands, strands, duplicates } = strandTables(db)
  for (const { event_id, revision } of events) {
    const known = strands.get(event_id)
    if (!known?.adopted || (known.revision ?? 0) > revision || isClosedStrand(db, known.strand_id)) continue
    const others = duplicates.rows().filter((d) => d.event_id === event_id)
    const [heir] = others
      .flatMap((d) => (isClosedStrand(db, d.strand_id) ? [adStrands.get(d.strand_id) as AdStrand] : []))
      .sort((a, b) => compare(a.created_at, b.created_at) || compare(a.id, b.id))
    for (const { strand_id } of others) if (!heir || strand_id === heir.id) duplicates.remove(strand_id)
    if (heir) strands.put(event_id, { ...known, strand_id: heir.id })
    else strands.remove(event_id)
  }
}

const isClosedStrand = (db: MemoryDatabase, id: string | null) =>
  id !== null && strandTables(db).adStrands.get(id)?.kind === 'position_closed'

/** Our own strands are no news to the bridge. */
export function settleOwnStrands(db: MemoryDatabase, ids: readonly string[]): void {
  const { queue } = strandTables(db)
  const own = new Set(ids)
  for (const row of queue.rows())
    if (row.status === 'pending' && own.has(row.strand_id))
      queue.put(String(row.id), { ...row, status: 'completed', processed_at: nowOf(db) })
}

/** Trades (distinct events) and the rows that hold them: more rows than events is a trade that counts twice. */
export function countStrands(db: MemoryDatabase): { events: number; rows: number; voided: number; adopted: number } {
  const { adStrands, strands } = strandTables(db)
  const all = strands.rows()
  const tied = new Set(all.map((s) => s.strand_id))
  const held = adStrands
    .rows()
    .filter((s) => s.kind === 'position_closed' && (tied.has(s.id) || s.metadata?.projected_by === 'strandline'))
  return {
    events: all.length,
    rows: held.length + all.filter((s) => s.strand_id === null).length,
    voided: all.filter((s) => s.voided).length,
    adopted: all.filter((s) => s.adopted).length,
  }
}
