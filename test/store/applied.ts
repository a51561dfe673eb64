/** As a consumer of the database notes a revision that it has read from the log. */
import { learnedTables, ledgerKey } from '../../core/store/memory/learned.ts'
import { strandTables } from '../../core/store/memory/strands.ts'
import type { Way } from './ways.ts'

export interface Applied {
  event_id: string
  revision: number
  voided?: boolean
}

/** Tables that it writes. */
export const APPLIED_TABLES = 'strandline.strands, strandline.learner_ledger'

export async function projectorApplied(way: Way, { event_id, revision, voided = false }: Applied): Promise<void> {
  const { memory, db } = way
  if (!memory)
    return void (await db.sql(
      `insert into strandline.strands (event_id, topic, strand_id, revision, voided) values ($1, 't', 'position_closed_' || $1, $2, $3)`,
      [event_id, revision, voided],
    ))
  const shown = { topic: 't', strand_id: `position_closed_${event_id}`, adopted: false, projected: null }
  memory.transaction(() => strandTables(memory).strands.put(event_id, { event_id, revision, voided, ...shown }))
}

export async function learnerApplied(way: Way, { event_id, revision, voided = false }: Applied): Promise<void> {
  const { memory, db } = way
  if (!memory)
    return void (await db.sql(
      `insert into strandline.learner_ledger (event_id, "offset", closed_at_ms, rr, model_version, revision, partition, voided, levers)
       values ($1, 0, 0, 1, 1, $2, 0, $3, '')`,
      [event_id, revision, voided],
    ))
  const row = { model_version: 1, event_id, partition: 0, offset: 0, closed_at: 0, rr: 1, levers: '' }
  memory.transaction(() => learnedTables(memory).ledger.put(ledgerKey(1, event_id), { ...row, revision, voided }))
}
