/** What a project shows to somebody who has its URL and its service role key: port, and its adapter over supabase-js. */

import { createOutbox, type OutboxState } from '../../core/store/outbox-store.ts'
import { type PostgrestStore, storeError } from '../../core/store/postgrest-store.ts'
import type { NamedTrade } from '../../domain/foreign/trade-names.ts'
import { createBackfillStore } from '../../services/pm/sources/backfill-store.ts'
import { createQueueStore } from '../../services/pm/sources/queue-store.ts'
import type { OutboxFacts } from '../database/outbox.ts'
import type { OldRow } from '../database/trades.ts'

/** Errors of each: STORE_UNREACHABLE, STORE_REJECTED, STORE_SCHEMA (those of our own functions, before migrate). */
export interface HostedProject {
  /** closed: our key may not read it. */
  tableState(table: string): Promise<'there' | 'absent' | 'closed'>
  /** Closed trades in learning_queue. `since`: of the oldest that waits, as the table has it. */
  queue(): Promise<{ pending: number; failed: number; since: string | null }>
  /** Rows behind an id that may hold closed trades, by id. */
  oldRows(table: 'ad_strands' | 'lowcap_positions', after: unknown, limit: number): Promise<OldRow[]>
  outbox(): Promise<OutboxState>
  setAside(): Promise<OutboxFacts['set_aside']>
  /** How many of these trades the outbox has. */
  known(trades: NamedTrade[]): Promise<number>
  /** Type of lowcap_positions.id, by which strands name their positions. */
  typeOfPositionIds(): Promise<string>
}

export function createHostedProject(store: PostgrestStore): HostedProject {
  const closed = () =>
    store.client.from('learning_queue').select('*', { count: 'exact', head: true }).eq('strand_type', 'position_closed')
  async function countOf(status: string): Promise<number> {
    const { count, error, status: http } = await closed().eq('status', status)
    if (error || count === null)
      throw storeError(error ?? { message: 'no count' }, http, 'learning_queue', 'SUPABASE_URL')
    return count
  }
  return {
    async tableState(table) {
      const { error, status } = await store.client.from(table).select('*').limit(1)
      if (!error) return 'there'
      if (error.code === '42501' || /permission denied/i.test(error.message)) return 'closed'
      if (status === 404 || ['PGRST205', '42P01'].includes(error.code)) return 'absent'
      throw storeError(error, status, table, 'SUPABASE_URL')
    },
    async queue() {
      const pending = await countOf('pending')
      const failed = await countOf('failed')
      const { data } = await store.client
        .from('learning_queue')
        .select('*')
        .eq('strand_type', 'position_closed')
        .eq('status', 'pending')
        .order('created_at')
        .limit(1)
      const since = data?.[0]?.created_at
      return { pending, failed, since: pending > 0 && typeof since === 'string' ? since : null }
    },
    async oldRows(table, after, limit) {
      let query = store.client.from(table).select('*').order('id').limit(limit)
      if (table === 'ad_strands') query = query.eq('kind', 'position_closed')
      if (after !== null) query = query.gt('id', after)
      const { data, error, status } = await query
      if (error) throw storeError(error, status, table, 'SUPABASE_URL')
      return data as OldRow[]
    },
    outbox: createOutbox(store, '', 0).state,
    setAside: () => store.rpc('strandline_set_aside_reasons', {}),
    known: async (trades) => (await createBackfillStore(store).known(trades)).length,
    typeOfPositionIds: async () => (await createQueueStore(store).page(null, 1)).position_ids,
  }
}
