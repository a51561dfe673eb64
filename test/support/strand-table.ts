/** The projector's commit and the tables that it writes, on a test database. */
import type { PositionClosed } from '../../domain/event.ts'
import { strandOf } from '../../domain/strand.ts'
import type { TestDatabase } from './database.ts'

const TOPIC = 'pm.position-closed.v1'

export type StrandTable = ReturnType<typeof strandTable>

export function strandTable(db: Pick<TestDatabase, 'store' | 'sql'>) {
  let commits = 0

  function claim(consumer: string) {
    return db.store.rpc<{ epoch: number; version: number; checkpoint: number | null }>('strandline_claim', {
      p_consumer: consumer,
      p_topic: TOPIC,
      p_partition: 0,
      p_holder: 'test',
    })
  }

  function commit(consumer: string, epoch: number, version: number, events: PositionClosed[], next = events.length) {
    const rows = events.map((e, offset) => strandOf(e, { topic: TOPIC, partition: 0, offset }))
    return commitRows(consumer, epoch, version, rows, next)
  }

  function commitRows(consumer: string, epoch: number, version: number, rows: object[], next: number) {
    return db.store.rpc<{ status: string; written?: number; adopted?: number }>('strandline_projector_commit', {
      p_consumer: consumer,
      p_topic: TOPIC,
      p_partition: 0,
      p_epoch: epoch,
      p_version: version,
      p_next: next,
      p_commit: crypto.randomUUID(),
      p_rows: JSON.stringify(rows),
    })
  }

  // biome-ignore lint/suspicious/noExplicitAny: rows as the database gives them, which is what the tests look at
  async function rows(table: string, column: string, value: string): Promise<any[]> {
    const { data, error } = await db.store.client.from(table).select('*').eq(column, value).order('id')
    if (error) throw error
    return data
  }

  return {
    claim,
    commit,
    commitRows,
    /** Projects events as one batch of a consumer of its own: tests are kept apart by their positions. */
    async project(...events: PositionClosed[]) {
      const consumer = `projector-${++commits}`
      const { epoch, version } = await claim(consumer)
      return commit(consumer, epoch, version, events)
    },
    strandsOf: (position_id: string) => rows('ad_strands', 'position_id', position_id),
    // biome-ignore lint/suspicious/noExplicitAny: as above
    viewOf: (position_id: string): Promise<any[]> =>
      db.sql('select * from strandline.position_closed_strands where position_id = $1 order by id', [position_id]),
    queueOf: (strand_id: string) => rows('learning_queue', 'strand_id', strand_id),
    async insertStrand(strand: Record<string, unknown>) {
      const { error } = await db.store.client.from('ad_strands').insert(strand)
      if (error) throw error
    },
  }
}

/** What the old PM inserted. */
export const oldStrand = (position_id: string, more: Record<string, unknown> = {}) => ({
  id: `old-${position_id}`,
  module: 'pm',
  kind: 'position_closed',
  symbol: 'PEPE',
  position_id,
  trade_id: 't-1',
  content: { trade_summary: { rr: 0.5, note: 'theirs' }, chain: 'base' },
  ...more,
})
