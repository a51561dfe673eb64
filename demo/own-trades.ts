/** The demo invents trades: only into a database that holds none but its own. */
import { StrandlineError } from '../core/errors.ts'
import { type Store, storeError } from '../core/store/store.ts'

/** Every position of the demo has an id that begins so. */
export const DEMO_PREFIX = 'demo-'

/** Where trades are, and what names their position. */
const PLACES = [
  ['lowcap_positions', 'id'],
  ['pm_outbox', 'payload->>position_id'],
  ['ad_strands', 'position_id'],
] as const

/** @throws StrandlineError STACK_BUSY, naming one of the trades that the demo did not make */
export async function requireOwnTrades(store: Store, stack: string): Promise<void> {
  for (const [table, position] of PLACES) {
    const { data, error, status } = await store.client
      .from(table)
      .select(`position:${position}`)
      .or(`${position}.is.null,${position}.not.like.${DEMO_PREFIX}*`) // the old system's strands may have no position_id
      .limit(1)
    if (error) throw storeError(error, status, table, 'SUPABASE_URL')
    const [foreign] = data as unknown as { position: string | null }[]
    if (foreign)
      throw new StrandlineError(
        'STACK_BUSY',
        `The stack of ${stack} holds trades that the demo did not make (${table}: ${foreign.position ?? 'a strand of the system before'}), and the demo would mix invented ones into them.`,
        { todo: 'Run it on a folder of its own: leave --data-dir out, or name an empty one.' },
      )
  }
}
