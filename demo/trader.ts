/** Trades the simulated market through the portfolio manager's own HTTP side, as an execution engine would. */
import { systemClock } from '../core/clock.ts'
import { StrandlineError } from '../core/errors.ts'
import { tokenHeader } from '../core/http-guard.ts'
import type { PostgrestStore } from '../core/store/postgrest-store.ts'
import type { MarketTrade } from './market.ts'

export interface Closed {
  trade: MarketTrade
  event_id: string
  /** When the exit was about to be reported, ms. */
  at: number
}

const AT_ONCE = 8
const BARS_PER_INSERT = 2_000

/** Price bars, as a market feed delivers them. */
export async function insertBars(store: PostgrestStore, trades: MarketTrade[]): Promise<number> {
  const rows = trades.flatMap((t) =>
    t.bars.map((b) => ({
      token_contract: t.token,
      chain: t.chain,
      timeframe: t.timeframe,
      timestamp: new Date(b.timestamp).toISOString(),
      open_usd: b.open,
      high_usd: b.high,
      low_usd: b.low,
      close_usd: b.close,
      volume: b.volume,
    })),
  )
  for (let i = 0; i < rows.length; i += BARS_PER_INSERT) {
    const { error } = await store.client.from('lowcap_price_data_ohlc').insert(rows.slice(i, i + BARS_PER_INSERT))
    if (error)
      throw new StrandlineError('STORE_REJECTED', `The bars of the simulated market were refused: ${error.message}.`, {
        cause: error,
      })
  }
  return rows.length
}

export async function openAll(pmUrl: string, trades: MarketTrade[], progress: (done: number) => void): Promise<void> {
  await inParallel(trades, async (t, done) => {
    await post(`${pmUrl}/v1/positions`, {
      id: t.position_id,
      token_chain: t.chain,
      token_contract: t.token,
      token_ticker: t.ticker,
      timeframe: t.timeframe,
      entry_context: t.entry_context,
      regime_context: { market: 'simulated' },
    })
    await post(`${pmUrl}/v1/positions/${t.position_id}/executions`, {
      id: `${t.position_id}-entry`,
      kind: 'entry',
      quantity: 1_000,
      price: t.entry_price,
      executed_at: new Date(t.opened_at).toISOString(),
    })
    progress(done)
  })
}

/** Exits all positions, about `perSecond` a second. */
export async function closeAll(
  pmUrl: string,
  trades: MarketTrade[],
  perSecond: number,
  progress: (done: number) => void,
): Promise<Closed[]> {
  const closed: Closed[] = []
  const started = systemClock.now()
  await inParallel(trades, async (t, done) => {
    const due = started + (done * 1_000) / perSecond
    await systemClock.sleep(Math.max(0, due - systemClock.now()))
    const at = systemClock.now()
    const answer = await post<{ closed: { event_id: string } | null }>(
      `${pmUrl}/v1/positions/${t.position_id}/executions`,
      {
        id: `${t.position_id}-exit`,
        kind: t.exit,
        size_frac: 1,
        price: t.exit_price,
        executed_at: new Date(t.closed_at).toISOString(),
      },
    )
    if (!answer.closed) throw new StrandlineError('POSITION_INVALID', `The exit of ${t.position_id} did not close it.`)
    closed.push({ trade: t, event_id: answer.closed.event_id, at })
    progress(done)
  })
  return closed
}

async function inParallel<T>(items: T[], work: (item: T, index: number) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < items.length) {
        const index = next++
        await work(items[index] as T, index)
      }
    }),
  )
}

async function post<T>(url: string, body: unknown): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...tokenHeader() },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok)
    throw new StrandlineError(
      'ENGINE_FAILED',
      `The portfolio manager answered ${response.status} to ${new URL(url).pathname}: ${text}`,
    )
  return JSON.parse(text) as T
}
