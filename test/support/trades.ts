/** Trades with known R/R through the PM's own HTTP API, insistently: as a trader that reports again until it is answered. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PostgrestStore } from '../../core/store/postgrest-store.ts'

const ENTRY = '2026-01-05T12:00:00.000Z'
const EXIT = '2026-01-05T14:00:00.000Z'

export interface Trade {
  id: string
  rr: number
  entry_context: Record<string, unknown>
}

/** `count` trades whose levers repeat with different periods, so that groups overlap. */
export function someTrades(count: number, prefix: string): Trade[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `${prefix}-${i}`,
    rr: ((i * 7 + 20) % 41) / 10 - 0.5, // not below -1: the exit would be a new low
    entry_context: { curator: `c${i % 5}`, chain: ['base', 'solana'][i % 2], mcap_at_entry: 10 ** (5 + (i % 4)) },
  }))
}

/** The price path of each trade: an entry at 2, a low at 1.6, so that an exit at 2 · (1 + 0.2 · rr) is a trade of that R/R. */
export async function insertPaths(store: PostgrestStore, trades: Trade[]): Promise<void> {
  const rows = trades.flatMap(({ id, rr }) =>
    [ENTRY, '2026-01-05T13:00:00.000Z'].map((timestamp) => ({
      token_contract: `0x${id}`,
      chain: 'base',
      timeframe: '1h',
      timestamp,
      open_usd: 2,
      high_usd: Math.max(2, exitPrice(rr)),
      low_usd: 1.6,
      close_usd: exitPrice(rr),
      volume: 1,
    })),
  )
  const { error } = await store.client.from('lowcap_price_data_ohlc').insert(rows)
  if (error) throw new Error(error.message)
}

const exitPrice = (rr: number) => 2 * (1 + 0.2 * rr)

/** Opens and closes one position; every request is sent again until it is answered. `post` throws on any other status than 2xx. */
export async function closeTrade(post: (url: string, body: object) => Promise<unknown>, trade: Trade): Promise<void> {
  const { id, rr, entry_context } = trade
  const insist = async (url: string, body: object) => {
    for (let failures = 0; ; failures++) {
      try {
        return await post(url, body)
      } catch (error) {
        if (failures === 300) throw error
        await sleep(100)
      }
    }
  }
  await insist('/v1/positions', {
    id,
    token_chain: 'base',
    token_contract: `0x${id}`,
    token_ticker: id.toUpperCase(),
    timeframe: '1h',
    entry_context,
  })
  const executions = `/v1/positions/${id}/executions`
  await insist(executions, { id: `${id}-in`, kind: 'entry', quantity: 10, price: 2, executed_at: ENTRY })
  await insist(executions, { id: `${id}-out`, kind: 'emergency_exit', price: exitPrice(rr), executed_at: EXIT })
}
