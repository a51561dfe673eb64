/** The projector's commit in memory: the rules of `strandline_projector_commit`, where `ad_strands` is a table of ours. */
import { advance, fence } from '../../core/store/memory/checkpoints.ts'
import { fromJsonb, type MemoryDatabase } from '../../core/store/memory/database.ts'
import {
  adoptStrand,
  foreignStrands,
  insertStrand,
  setAsideKey,
  settleOwnStrands,
  strandTables,
  untieGone,
} from '../../core/store/memory/strands.ts'
import type { StrandRow } from '../../domain/strand.ts'
import type { StrandCommit, StrandStore, StrandsCommitted } from './strand-store.ts'

/** @param sync as createStrandStore */
export function createMemoryStrands(db: MemoryDatabase, consumer: string, sync = true): StrandStore {
  return { commit: async (commit) => db.transaction(() => commitStrands(db, consumer, commit), sync) }
}

function commitStrands(db: MemoryDatabase, consumer: string, commit: StrandCommit): StrandsCommitted {
  const held = fence(db, { consumer, ...commit.claim })
  if (held !== 'ok') return { status: held }
  const rows = newest(fromJsonb(JSON.stringify(commit.rows)))
  // Found before the first is tied: of two of one trade, the second becomes a duplicate.
  const foreign = rows.flatMap((row) => foreignStrands(db, row).map((s) => ({ ...s, event_id: row.metadata.event_id })))
  for (const { id, event_id } of foreign) adoptStrand(db, id, event_id)
  untieGone(
    db,
    rows.map((row) => row.metadata),
  )
  const written: string[] = []
  let adopted = 0
  for (const row of rows) {
    const put = putEvent(db, commit.claim.topic, row)
    if (put === 'adopted') adopted++
    else if (put !== null) written.push(putStrand(db, { ...row, id: put.strand_id }))
  }
  settleOwnStrands(db, written)
  advance(db, { consumer, ...commit.claim }, commit)
  return { status: 'ok', written: written.length, adopted, kept: 0, set_aside: 0 }
}

/** Of each event the highest revision, of equal ones the first; by event. */
function newest(rows: StrandRow[]): StrandRow[] {
  const byEvent = new Map<string, StrandRow>()
  for (const row of rows) {
    const known = byEvent.get(row.metadata.event_id)
    if (!known || known.metadata.revision < row.metadata.revision) byEvent.set(row.metadata.event_id, row)
  }
  return [...byEvent.values()].sort((a, b) => (a.metadata.event_id < b.metadata.event_id ? -1 : 1))
}

/** Notes the revision; null where it is none to write. */
function putEvent(db: MemoryDatabase, topic: string, row: StrandRow): 'adopted' | { strand_id: string } | null {
  const { adStrands, strands } = strandTables(db)
  const { event_id, revision } = row.metadata
  const known = strands.get(event_id)
  const deleted =
    known !== undefined && known.strand_id !== null && !known.adopted && adStrands.get(known.strand_id) === undefined
  const newer = (known?.revision ?? -1) < revision
  if (known && !newer && !(known.revision === revision && deleted)) return null
  const adopted = known?.adopted ?? false
  const strand_id = adopted ? known!.strand_id : (known?.strand_id ?? row.id)
  const shown = { topic, revision, voided: row.status === 'voided' }
  strands.put(event_id, { event_id, ...shown, strand_id, adopted, projected: adopted ? row : null })
  return adopted ? 'adopted' : { strand_id: strand_id as string }
}

function putStrand(db: MemoryDatabase, row: StrandRow): string {
  const { adStrands, setAside } = strandTables(db)
  setAside.remove(setAsideKey('projection', row.metadata.event_id))
  const there = adStrands.get(row.id)
  const updated_at = new Date(db.now()).toISOString()
  // a row that is there keeps what only its maker says
  const { module: _, kind: __, tags: ___, target_agent: ____, ...changes } = row
  if (there) adStrands.put(row.id, { ...there, ...changes, updated_at })
  else insertStrand(db, { ...row, updated_at })
  return row.id
}
