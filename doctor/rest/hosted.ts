/** What a project shows to somebody who has its URL and its service role key, and no database URL. */
import { type PostgrestStore, storeError } from '../../core/store/postgrest-store.ts'
import type { OutboxState } from '../../services/pm/outbox.ts'
import { withNativePosition } from '../../services/pm/sources/read-strands.ts'
import { judgeOutbox, type OutboxFacts } from '../database/outbox.ts'
import { judgeQueue } from '../database/queue.ts'
import { SHARED } from '../database/shared-tables.ts'
import { judgeTrades, lookAtTrades, type OldRow, type TradeSource } from '../database/trades.ts'
import { type Finding, info, list, warning } from '../finding.ts'
import { unseen } from '../look.ts'

const PAGE = 500
const UNSEEN =
  'Without a database URL, this was not looked at: types, checks, triggers, policies, rights, locks, the migrations one by one, and what undo takes away.'

/** @param migrated our functions are there */
export async function lookAtHosted(
  store: PostgrestStore,
  migrated: boolean,
  now: () => number,
  say: (found: Finding[]) => void,
): Promise<void> {
  const part = async (area: Finding['area'], what: string, work: () => Promise<Finding[]>) =>
    say(await work().catch((cause) => [unseen(area, what, cause)]))
  say([info('database', UNSEEN, 'Give --database-url (hosted: Connect, session pooler), or set DATABASE_URL.')])
  const there: string[] = []
  await part('tables', 'The old tables', async () => {
    const found: Finding[] = []
    for (const name of SHARED) {
      const state = await ask(store, name)
      if (state === 'there') there.push(name)
      if (state === 'closed')
        found.push(
          warning(
            'rights',
            `Our key may not read public.${name}: its rows were not looked at.`,
            `grant select on public.${name} to service_role.`,
          ),
        )
    }
    const missing = SHARED.filter((name) => !there.includes(name))
    return [
      ...found,
      ...(there.length > 0 ? [info('tables', `The API shows ${list(there)}.`)] : []),
      ...(missing.length > 0 && found.length === 0 ? [info('tables', `It does not show ${list(missing)}.`)] : []),
    ]
  })
  if (there.includes('learning_queue'))
    await part('bridge', 'learning_queue', async () => judgeQueue(await queue(store, now()), migrated))
  if (migrated)
    await part('outbox', 'The outbox', async () => {
      const { depth, refused, oldest_seconds } = await store.rpc<OutboxState>('strandline_pm_outbox_state', {})
      const set_aside = await store.rpc<OutboxFacts['set_aside']>('strandline_set_aside_reasons', {})
      return judgeOutbox({ waiting: depth, refused, oldest_ms: oldest_seconds * 1000, last_error: null, set_aside })
    })
  await part('backfill', 'Closed trades', async () =>
    judgeTrades(await lookAtTrades(tradesOverRest(store, migrated), there, now), migrated),
  )
}

async function ask(store: PostgrestStore, table: string): Promise<'there' | 'absent' | 'closed'> {
  const { error, status } = await store.client.from(table).select('*').limit(1)
  if (!error) return 'there'
  if (error.code === '42501' || /permission denied/i.test(error.message)) return 'closed'
  if (status === 404 || ['PGRST205', '42P01'].includes(error.code)) return 'absent'
  throw storeError(error, status, table, 'SUPABASE_URL')
}

async function queue(store: PostgrestStore, now: number) {
  const closed = () =>
    store.client.from('learning_queue').select('*', { count: 'exact', head: true }).eq('strand_type', 'position_closed')
  const counted = async (query: ReturnType<typeof closed>) => {
    const { count, error, status } = await query
    if (error || count === null)
      throw storeError(error ?? { message: 'no count' }, status, 'learning_queue', 'SUPABASE_URL')
    return count
  }
  const pending = await counted(closed().eq('status', 'pending'))
  const failed = await counted(closed().eq('status', 'failed'))
  const { data } = await store.client
    .from('learning_queue')
    .select('*')
    .eq('strand_type', 'position_closed')
    .eq('status', 'pending')
    .order('created_at')
    .limit(1)
  const since = pending > 0 && typeof data?.[0]?.created_at === 'string' ? (data[0].created_at as string) : null
  const at = since === null ? Number.NaN : Date.parse(/[zZ]|[+-]\d\d(:?\d\d)?$/.test(since) ? since : `${since}Z`)
  return {
    pending,
    more: false,
    since,
    age_ms: Number.isNaN(at) ? null : now - at,
    others: failed > 0 ? { failed } : ({} as Record<string, number>),
  }
}

function tradesOverRest(store: PostgrestStore, migrated: boolean): TradeSource {
  const typeOfIds = migrated ? typeOfPositionIds(store) : undefined
  typeOfIds?.catch(() => {}) // awaited where strands are read
  /** Before migrate nobody says the type; numbers are no texts, and what the API writes as a UUID everywhere is one. */
  const seen = { numbers: true, uuids: true, any: false }
  const note = ({ id }: { id: unknown }) => {
    seen.any = true
    seen.numbers &&= typeof id === 'number'
    seen.uuids &&= typeof id === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
  }
  const guessed = () => (!seen.any ? 'text' : seen.numbers ? 'bigint' : seen.uuids ? 'uuid' : 'text')
  return {
    async *pages(table) {
      for (let after: string | number | null = null; ; ) {
        let query = store.client.from(table).select('*').order('id').limit(PAGE)
        if (table === 'ad_strands') query = query.eq('kind', 'position_closed')
        if (after !== null) query = query.gt('id', after)
        const { data, error, status } = await query
        if (error) throw storeError(error, status, table, 'SUPABASE_URL')
        const rows = data as OldRow[]
        if (table === 'lowcap_positions') for (const row of rows) note(row)
        const whole = rows.map((row) => ({ ...row, id: String(row.id) }))
        if (rows.length > 0) {
          const position_ids = (await typeOfIds) ?? guessed()
          yield table === 'ad_strands' ? whole.map((row) => withNativePosition(row, position_ids)) : whole.filter(holds)
        }
        if (rows.length < PAGE) return
        after = rows.at(-1)!.id
      }
    },
    known: async (trades) =>
      migrated && trades.length > 0
        ? (await store.rpc<number[]>('strandline_backfill_known', { p_events: JSON.stringify(trades) })).length
        : 0,
  }
}

/** Type of lowcap_positions.id, by which strands name their positions. */
async function typeOfPositionIds(store: PostgrestStore): Promise<string> {
  const page = await store.rpc<{ position_ids: string }>('strandline_bridge_page', { p_after: null, p_limit: 1 })
  return page.position_ids
}

/** As SQL leaves out what has no trade. */
const holds = ({ completed_trades: trades }: OldRow) =>
  trades !== null &&
  trades !== undefined &&
  !['', '[]', '{}', 'null'].includes(typeof trades === 'string' ? trades : JSON.stringify(trades))
