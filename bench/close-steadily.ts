/** Exits reported to the PM by the clock. */
import { setTimeout as sleep } from 'node:timers/promises'
import { StrandlineError } from '../core/errors.ts'
import { tokenHeader } from '../core/http-guard.ts'
import type { MarketTrade } from '../demo/market.ts'
import { instant } from './workers/serve.ts'

export interface Close {
  event_id: string
  sent: number
  answered: number
  /** Times that the PM asked for the report again. */
  repeated: number
}

const GIVE_UP_MS = 30_000
const REPEAT_MS = 50

/** Errors: ENGINE_FAILED. */
export async function closeSteadily(pmUrl: string, trades: MarketTrade[], perSecond: number): Promise<Close[]> {
  const started = instant()
  const closes: Promise<Close>[] = []
  for (const [i, trade] of trades.entries()) {
    const wait = started + (i * 1_000) / perSecond - instant()
    if (wait > 0) await sleep(wait)
    closes.push(close(pmUrl, trade))
    closes.at(-1)?.catch(() => {}) // seen by Promise.all below
  }
  return Promise.all(closes)
}

/** Reports one exit; 503 means: report it again. What was waited for that counts. */
async function close(pmUrl: string, trade: MarketTrade): Promise<Close> {
  const sent = instant()
  for (let repeated = 0; ; repeated++) {
    const response = await fetch(`${pmUrl}/v1/positions/${trade.position_id}/executions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...tokenHeader() },
      body: JSON.stringify({
        id: `${trade.position_id}-exit`,
        kind: trade.exit,
        size_frac: 1,
        price: trade.exit_price,
        executed_at: new Date(trade.closed_at).toISOString(),
      }),
    })
    const answered = instant()
    const answer = (await response.json()) as { closed?: { event_id: string; rr: number | null } | null }
    if (response.status === 503 && answered - sent < GIVE_UP_MS) {
      await sleep(REPEAT_MS)
      continue
    }
    if (!response.ok || typeof answer.closed?.rr !== 'number')
      throw new StrandlineError(
        'ENGINE_FAILED',
        `The PM did not close ${trade.position_id} with an R/R: ${response.status} ${JSON.stringify(answer).slice(0, 300)}`,
      )
    return { event_id: answer.closed.event_id, sent, answered, repeated }
  }
}
