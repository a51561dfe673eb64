/** Trades through the PMs' own HTTP side, as an execution engine does that never gives up: what was not answered is reported again, to either of them. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Dice } from '../dice.ts'
import type { Stage } from '../stage.ts'
import type { ClosedTrade } from './event.ts'
import type { PlannedTrade, TradeSource } from './trades.ts'

export interface Close {
  trade: PlannedTrade
  /** The event, as the PM answered. */
  event: ClosedTrade
  /** When its exit was first about to be reported, ms. */
  at: number
}

export interface Trader {
  closes: Close[]
  /** What a PM refused although nothing was wrong with it. */
  refused: { position_id: string; reason: string }[]
  /** Finishes what was begun, and begins nothing; resolves to what lets it go on. */
  pause(): Promise<() => void>
  /** Finishes what was begun, until `signal` says that it will not be. */
  stop(): Promise<void>
}

export interface TraderOptions {
  trades: TradeSource
  dice: Dice
  /** At most. */
  perSecond: number
  signal: AbortSignal
  closed(close: Close): void
}

const AT_ONCE = 12
const ANSWER_MS = 15_000
const AGAIN_MS = 250
const QUIET_MS = 50
/** A database that was put back knows nothing of what was opened since: opened again so often. */
const OPENINGS = 5

export function startTrader(stage: Stage, { trades, dice, perSecond, signal, closed }: TraderOptions): Trader {
  const closes: Close[] = []
  const refused: Trader['refused'] = []
  let stopping = false
  let due = Date.now()
  let active = 0
  let paused = 0

  async function worker(): Promise<void> {
    while (!stopping && !signal.aborted) {
      due = Math.max(due + 1_000 / perSecond, Date.now() - 1_000)
      await sleep(Math.max(0, due - Date.now()), undefined, { signal })
      if (paused > 0) continue
      active++
      await one(trades.next()).finally(() => active--)
    }
  }

  async function one(trade: PlannedTrade): Promise<void> {
    if (trade.bars.length > 0) await storeBars(stage, trade)
    for (let opening = 1; ; opening++) {
      const said = await roundTrip(trade)
      if ('event' in said) {
        closes.push(said)
        return closed(said)
      }
      if (opening === OPENINGS) return void refused.push({ position_id: trade.position_id, reason: said.reason })
    }
  }

  async function roundTrip(trade: PlannedTrade): Promise<Close | { reason: string }> {
    const { position_id } = trade
    const opened = await post('/v1/positions', {
      id: position_id,
      token_chain: trade.chain,
      token_contract: trade.contract,
      token_ticker: 'TORTURE',
      timeframe: trade.timeframe,
      entry_context: trade.context,
      regime_context: { market: 'tortured' },
    })
    if ('reason' in opened) return opened
    const executions = `/v1/positions/${position_id}/executions`
    const entered = await post(executions, {
      id: `${position_id}-entry`,
      kind: 'entry',
      quantity: 1_000,
      price: trade.entry_price,
      executed_at: new Date(trade.opened_at).toISOString(),
    })
    if ('reason' in entered) return entered
    const at = Date.now()
    const exited = await post(executions, {
      id: `${position_id}-exit`,
      kind: trade.exit,
      size_frac: 1,
      price: trade.exit_price,
      ...(trade.dated === 'now' ? {} : { executed_at: new Date(trade.closed_at).toISOString() }),
    })
    if ('reason' in exited) return exited
    const event = exited.answer.closed as ClosedTrade | null
    return event ? { trade, event, at } : { reason: 'the exit was recorded, and did not close it' }
  }

  /** Until somebody answers. 4xx is an answer. */
  async function post(path: string, body: object): Promise<{ answer: Record<string, unknown> } | { reason: string }> {
    const pms = stage.of('pm')
    for (let which = dice.below(pms.length); ; which++) {
      signal.throwIfAborted()
      try {
        const response = await fetch(`${pms[which % pms.length]!.service.url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
          signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
        })
        const text = await response.text()
        if (response.ok) return { answer: JSON.parse(text) }
        if (response.status < 500) return { reason: `${response.status} ${text}`.slice(0, 400) }
      } catch {
        // nobody there, or no answer: whether it was done is not known
      }
      await sleep(AGAIN_MS, undefined, { signal })
    }
  }

  const workers = Array.from({ length: AT_ONCE }, worker)
  const all = Promise.all(workers)
  all.catch(() => {}) // whoever stops hears of it
  return {
    closes,
    refused,
    async pause() {
      paused++
      while (active > 0) await sleep(QUIET_MS, undefined, { signal })
      return () => void paused--
    },
    async stop() {
      stopping = true
      await all
    },
  }
}

async function storeBars(stage: Stage, { contract, chain, timeframe, bars }: PlannedTrade): Promise<void> {
  await stage.sql(
    `insert into lowcap_price_data_ohlc (token_contract, chain, timeframe, timestamp, open_usd, high_usd, low_usd, close_usd, volume)
     select $1, $2, $3, to_timestamp(b.start / 1000.0), b.low, b.high, b.low, b.high, 1
     from jsonb_to_recordset($4) as b(start bigint, low double precision, high double precision) on conflict do nothing`,
    [contract, chain, timeframe, JSON.stringify(bars)],
  )
}
