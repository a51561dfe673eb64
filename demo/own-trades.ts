/** The demo invents trades: only into a database that holds none but its own. */
import { StrandlineError } from '../core/errors.ts'
import type { Store } from '../core/store/store.ts'

/** Every position of the demo has an id that begins so. */
export const DEMO_PREFIX = 'demo-'

/** @throws StrandlineError STACK_BUSY, naming one of the trades that the demo did not make */
export async function requireOwnTrades(store: Store, stack: string): Promise<void> {
  const foreign = await store.rpc<{ place: string; position: string | null } | null>('strandline_pm_foreign_trade', {
    p_prefix: DEMO_PREFIX,
  })
  if (foreign)
    throw new StrandlineError(
      'STACK_BUSY',
      `The stack of ${stack} holds trades that the demo did not make (${foreign.place}: ${foreign.position ?? 'a strand of the system before'}), and the demo would mix invented ones into them.`,
      { todo: 'Run it on a folder of its own: leave --data-dir out, or name an empty one.' },
    )
}
