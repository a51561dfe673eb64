/** What is served, and a good request of each: what the bad ones are made from. */
import { positionClosedSchema } from '../../core/codec/position-closed-codec.ts'
import type { Dice } from '../dice.ts'

export type TargetName = 'pm' | 'decision' | 'registry' | 'supabase'

export interface GoodRequest {
  method: string
  path: string
  body?: Record<string, unknown>
  /** Shows the key of the Supabase endpoint. */
  key?: boolean
}

/** Positions that the requests are about: few, so that they meet again. */
const positionId = (dice: Dice) => `fuzz-${dice.below(400)}`
const subject = (dice: Dice) => `fuzz-${dice.below(20)}`

const position = (dice: Dice) => ({
  id: positionId(dice),
  token_chain: 'base',
  token_contract: '0x1',
  token_ticker: 'T',
  timeframe: dice.pick(['1m', '15m', '1h', '4h']),
  entry_context: { curator: 'ana', chain: 'base', mcap_at_entry: 2e6 },
  regime_context: { macro: 'risk-on' },
})

const execution = (dice: Dice) => ({
  id: `x${dice.below(4_000)}`,
  kind: dice.pick(['entry', 'buy', 'add', 'trim', 'emergency_exit']),
  quantity: 1 + dice.below(10),
  price: 1 + dice.below(100),
  size_frac: dice.pick([1, 0.5, 0.25]),
  executed_at: `2026-03-0${1 + dice.below(9)}T10:00:00Z`,
  entry_context: { curator: 'bob' },
})

const tradeId = (dice: Dice) => `fuzz-trade-${dice.below(200)}`

const trade = (dice: Dice) => ({
  id: tradeId(dice),
  symbol: 'FUZZ/USDT',
  timeframe: dice.pick(['15m', '1h', '5m']),
  opened_at: `2026-03-0${1 + dice.below(4)}T10:00:00Z`,
  closed_at: `2026-03-0${5 + dice.below(5)}T10:00:00Z`,
  entry_price: 1 + dice.below(100),
  exit_price: 1 + dice.below(100),
  side: dice.pick(['long', 'short']),
  rr: dice.pick([null, 1, -2]),
  net_return: 0.01,
  stake: 100,
  risk_at_entry: 0.05,
  entry_context: { curator: 'ana', pair: 'FUZZ/USDT' },
  revision: dice.below(4),
  voided: false,
})

/** Of nothing that is traded here: a tick would score it, of which no answer says anything. */
const bars = (dice: Dice) => ({
  symbol: 'BARS/USDT',
  timeframe: '1h',
  bars: Array.from({ length: 1 + dice.below(3) }, (_, i) => [Date.UTC(2026, 0, 1 + dice.below(20), i), 5, 9, 1, 5, 10]),
})

const schema = (dice: Dice) => ({
  schema: dice.chance(0.3)
    ? positionClosedSchema
    : JSON.stringify({
        type: 'record',
        name: 'R',
        fields: [{ name: `f${dice.below(3)}`, type: 'string', default: '' }],
      }),
  schemaType: 'AVRO',
  references: dice.chance(0.3) ? [{ name: 'other', subject: subject(dice), version: 1 }] : [],
})

type Make = (dice: Dice) => GoodRequest

const ROUTES: Record<TargetName, Make[]> = {
  pm: [
    (dice) => ({ method: 'POST', path: '/v1/positions', body: position(dice) }),
    (dice) => ({ method: 'POST', path: `/v1/positions/${positionId(dice)}/executions`, body: execution(dice) }),
    (dice) => ({ method: 'POST', path: `/v1/positions/${positionId(dice)}/executions`, body: execution(dice) }),
    (dice) => ({ method: 'GET', path: `/v1/positions/${positionId(dice)}` }),
    (dice) => ({ method: 'POST', path: '/v1/trades', body: trade(dice) }),
    (dice) => ({ method: 'GET', path: `/v1/trades/${tradeId(dice)}` }),
    (dice) => ({ method: 'POST', path: '/v1/bars', body: bars(dice) }),
    (dice) => ({ method: 'GET', path: dice.pick(['/healthz', '/readyz', '/metrics', '/openapi.json', '/docs']) }),
  ],
  decision: [
    (dice) => ({
      method: 'POST',
      path: '/v1/allocations',
      body: {
        entry_context: { curator: 'ana', chain: 'base', mcap_at_entry: 1e6, age_at_entry: dice.below(90) },
        timeframe: '1h',
        base: 4,
        min: 1,
        max: 9,
      },
    }),
    (dice) => ({
      method: 'GET',
      path: `/v1/timeframes${dice.pick(['', '?model=lowcap-v4', '?model=', '?model=a&model=b', '?model[a]=b', '?__proto__=1'])}`,
    }),
  ],
  registry: [
    (dice) => ({ method: 'POST', path: `/subjects/${subject(dice)}/versions`, body: schema(dice) }),
    (dice) => ({ method: 'POST', path: `/subjects/${subject(dice)}`, body: schema(dice) }),
    (dice) => ({
      method: 'POST',
      path: `/compatibility/subjects/${subject(dice)}/versions/${dice.pick(['latest', '1', '-1', '0', '2147483648', '1e3'])}`,
      body: schema(dice),
    }),
    (dice) => ({
      method: 'POST',
      path: `/compatibility/subjects/${subject(dice)}/versions?verbose=true`,
      body: schema(dice),
    }),
    (dice) => ({
      method: 'PUT',
      path: `/config/${subject(dice)}`,
      body: { compatibility: dice.pick(['FULL', 'NONE', 'backward']) },
    }),
    (dice) => ({ method: 'PUT', path: `/mode/${subject(dice)}`, body: { mode: 'READWRITE' } }),
    (dice) => ({
      method: 'DELETE',
      path: `/subjects/${subject(dice)}${dice.pick(['', '?permanent=true', '/versions/1', '/versions/latest?permanent=true'])}`,
    }),
    (dice) => ({ method: 'DELETE', path: `/${dice.pick(['config', 'mode'])}/${subject(dice)}` }),
    (dice) => ({
      method: 'GET',
      path: dice.pick([
        '/schemas/ids/1',
        '/schemas/ids/1/schema',
        '/schemas/ids/1e400',
        '/schemas/ids/0x1/versions',
        '/schemas/ids/1/subjects?deleted=true',
        '/schemas?subjectPrefix=a&subjectPrefix=b&deleted=true&deleted=false',
        '/schemas?latestOnly[]=true',
        '/subjects?subjectPrefix=%00',
        `/subjects/${subject(dice)}/versions/latest/referencedby`,
        `/config/${subject(dice)}?defaultToGlobal=true`,
        `/mode/${subject(dice)}`,
        '/contexts',
      ]),
    }),
  ],
  // Whoever has the key may do everything: with it, only what reads is asked. What others may not do is fuzz/access/.
  supabase: [
    (dice) => ({
      method: 'GET',
      path: `/rest/v1/${dice.pick(['learning_configs', 'learning_coefficients', 'lowcap_positions'])}?select=*&limit=1`,
      key: dice.chance(0.5),
    }),
    () => ({ method: 'POST', path: '/rest/v1/rpc/strandline_pm_outbox_state', body: { a: 1 }, key: false }),
    (dice) => ({
      method: dice.pick(['POST', 'PATCH', 'DELETE']),
      path: '/rest/v1/lowcap_positions?id=neq.x',
      body: { id: 'x', status: 'y' },
      key: false,
    }),
    () => ({ method: 'GET', path: '/healthz' }),
  ],
}

export const goodRequest = (target: TargetName, dice: Dice): GoodRequest => dice.pick(ROUTES[target])(dice)
