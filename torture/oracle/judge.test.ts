/** The judge sees what is wrong: each store is damaged in turn. */
import { expect, test } from 'vitest'
import { type ClosedTrade, toBytes } from '../load/event.ts'
import type { PlannedTrade } from '../load/trades.ts'
import { coefficientsOf } from './coefficients.ts'
import { judge } from './judge.ts'
import { readLog } from './log.ts'
import type { Stores } from './stores.ts'
import type { RawRecord } from './topic.ts'

const SCHEMA_ID = 3
const NOW = Date.UTC(2026, 0, 1)

const trade = (n: number, changes: Partial<ClosedTrade> = {}): ClosedTrade => ({
  event_id: `00000000-0000-5000-a000-00000000000${n}`,
  revision: 0,
  voided: false,
  position_id: `p-${n}`,
  trade_id: `t-${n}`,
  symbol: 'T',
  token_contract: '0x',
  chain: 'base',
  timeframe: '1h',
  decision_type: 'trim',
  opened_at: NOW - 3_600_000,
  closed_at: NOW - n * 86_400_000,
  entry_price: 1,
  exit_price: 2,
  rr: n,
  return: 1,
  max_drawdown: 0.5,
  max_gain: 1,
  unscored_reason: null,
  provisional: null,
  net_return: null,
  fees: null,
  stake: null,
  risk_at_entry: null,
  levers: { curator: 'a|b' },
  measures: { mcap_at_entry: 1_000_000 },
  regime_context: {},
  source: 'pm',
  ...changes,
})

/** Three trades, the second one corrected, the third voided; a duplicate; a record that is none. */
const EVENTS = [
  trade(1),
  trade(2),
  trade(2, { revision: 1, rr: 4 }),
  trade(3),
  trade(3, { revision: 1, voided: true }),
  trade(1),
]
const EFFECTIVE = [trade(1), trade(2, { revision: 1, rr: 4 }), trade(3, { revision: 1, voided: true })]

const RECORDS: RawRecord[] = [...EVENTS.map((e) => toBytes(e, SCHEMA_ID)), Buffer.from('poison')].map(
  (value, offset) => ({
    partition: 0,
    offset,
    time: NOW,
    key: Buffer.from('k'),
    value,
    headers: {},
  }),
)

function stores(): Stores {
  const { baseline, groups } = coefficientsOf(EFFECTIVE)
  return {
    ledger: EFFECTIVE.map((e) => ({ ...e, closed_at: String(e.closed_at) })),
    baseline,
    coefficients: [...groups].map(([id, { n, ...rest }]) => {
      const [scope, name, key] = id.split(/ (\S+) (.*)/s) as [string, string, string]
      return { scope, name, key, n: String(n), ...rest }
    }),
    strands: EFFECTIVE.map((e) => ({
      id: `position_closed_${e.event_id}`,
      event_id: e.event_id,
      revision: e.revision,
      status: e.voided ? 'voided' : 'active',
      rr: e.rr,
      exit_ms: String(e.closed_at),
    })),
    outbox: [
      { event_id: trade(1).event_id, revision: 0, position_id: 'p-1', partition: 0, offset: '5', published: true },
    ],
    positions: [],
    deadLetters: [{ partition: 0, offset: '6', reason: 'bad_magic' }],
    letters: [
      {
        ...RECORDS[6]!,
        headers: { '__connect.errors.partition': '0', '__connect.errors.offset': '6' },
      },
    ],
  }
}

function judged(damage: (stores: Stores) => void, records = RECORDS) {
  const damaged = stores()
  damage(damaged)
  const published = new Map(EFFECTIVE.map((e) => [e.event_id, e.revision]))
  return judge({ closes: [], published }, readLog(records, new Set([SCHEMA_ID])), damaged)
}

test('stores that are as the log says are found to be so', () => {
  expect(judged(() => {})).toEqual({
    closed: 3,
    in_log: 3,
    applied: 3,
    strands: { missing: 0, extra: 0 },
    dead_letters: { expected: 1, found: 1 },
    findings: [],
  })
})

test('the groups of a trade are those of the definition, and a voided one counts in none', () => {
  const { baseline, groups } = coefficientsOf(EFFECTIVE)
  expect(baseline!.n).toBe(2)
  expect([...groups.keys()]).toEqual([
    'lever curator a|b',
    'lever cap 1m-2m',
    'lever timeframe 1h',
    'interaction interaction cap=1m-2m|curator=a%7Cb',
  ])
  const w = Math.exp(-1 / 14)
  expect(baseline!.rr_short).toBeCloseTo((1 + w * 4) / (1 + w), 12)
})

const DAMAGES: [string, 'lost' | 'double' | 'wrong', (stores: Stores) => void][] = [
  ['a ledger row is gone', 'lost', (s) => s.ledger.splice(0, 1)],
  ['the ledger has an older revision', 'lost', (s) => Object.assign(s.ledger[1]!, { revision: 0 })],
  ['the ledger has another R/R', 'wrong', (s) => Object.assign(s.ledger[0]!, { rr: 1.000001 })],
  ['the ledger has what the log has not', 'wrong', (s) => s.ledger.push({ ...s.ledger[0]!, event_id: 'x' })],
  ['a trade counts twice', 'double', (s) => Object.assign(s.baseline!, { n: 3 })],
  ['a trade does not count', 'lost', (s) => Object.assign(s.baseline!, { n: 1 })],
  ['the baseline is another', 'wrong', (s) => Object.assign(s.baseline!, { rr_long: 2 })],
  ['a sum is another', 'wrong', (s) => Object.assign(s.coefficients[0]!, { rr_short: 0 })],
  ['a weight is another', 'wrong', (s) => Object.assign(s.coefficients[1]!, { weight: 2 })],
  ['a coefficient is missing', 'wrong', (s) => s.coefficients.pop()],
  ['a coefficient is none', 'wrong', (s) => s.coefficients.push({ ...s.coefficients[0]!, key: 'nobody' })],
  ['a strand is missing', 'lost', (s) => s.strands.pop()],
  ['a strand is there twice', 'double', (s) => s.strands.push({ ...s.strands[0]!, id: 'second' })],
  ['a strand is of no trade', 'wrong', (s) => s.strands.push({ ...s.strands[0]!, event_id: 'x' })],
  ['a strand is not voided', 'wrong', (s) => Object.assign(s.strands[2]!, { status: 'active' })],
  ['an event waits in the outbox', 'lost', (s) => Object.assign(s.outbox[0]!, { published: false })],
  ['a mark names another place', 'wrong', (s) => Object.assign(s.outbox[0]!, { offset: '1' })],
  ['a mark names no place', 'wrong', (s) => Object.assign(s.outbox[0]!, { partition: null, offset: null })],
  [
    'a position closed twice',
    'double',
    (s) => s.outbox.push({ ...s.outbox[0]!, event_id: trade(2).event_id, offset: '1' }),
  ],
  ['a position has no trade', 'lost', (s) => s.positions.push({ id: 'torture-1', trades: 0 })],
  ['a position has two trades', 'double', (s) => s.positions.push({ id: 'torture-1', trades: 2 })],
  ['a dead letter is not sent', 'lost', (s) => s.letters.pop()],
  ['a dead letter is not noted', 'lost', (s) => s.deadLetters.pop()],
  ['a good record is a dead letter', 'wrong', (s) => s.deadLetters.push({ partition: 0, offset: '1', reason: 'x' })],
]

test.each(DAMAGES)('%s: %s', (_, kind, damage) => {
  const { findings } = judged(damage)
  expect(findings.map((f) => f.kind)).toContain(kind)
})

test('the R/R of a close is that of its bars; of a provisional one, that of the revision which counts', () => {
  const bars = [{ start: NOW - 3_600_000, low: 0.75, high: 2 }]
  const of = { chain: 'base', contract: '0x', timeframe: '1h', context: {}, dated: 'then', exit: 'trim', bars } as const
  const times = { opened_at: NOW - 3_600_000, closed_at: NOW }
  const planned: PlannedTrade = { position_id: 'p-2', entry_price: 1, exit_price: 2, ...times, ...of } // R/R 4: the log's revision 1
  const findingsOf = (event: ClosedTrade) =>
    judge(
      { closes: [{ trade: planned, event, at: NOW }], published: new Map() },
      readLog(RECORDS, new Set([SCHEMA_ID])),
      stores(),
    ).findings
  expect(findingsOf(trade(2, { rr: 4 }))).toEqual([])
  expect(findingsOf(trade(2, { rr: 2, provisional: true }))).toEqual([])
  const wrong = { kind: 'wrong', what: 'closed with R/R 2, and its bars say 4', event_id: trade(2).event_id }
  expect(findingsOf(trade(2, { rr: 2 }))).toEqual([wrong])
})

test('a record of a PM that readers refuse is wrong, though it has its letter', () => {
  const letter = { ...RECORDS[6]!, headers: { ce_id: 'x' } }
  const { findings } = judged(() => {}, [...RECORDS.slice(0, 6), letter])
  expect(findings).toEqual([{ kind: 'wrong', what: 'a PM wrote the record at 0/6: not in the wire format' }])
})

test('a trade that was acknowledged and is not in the log is lost', () => {
  const { findings, in_log } = judged(
    () => {},
    RECORDS.filter((r) => r.offset !== 0 && r.offset !== 5),
  )
  expect(in_log).toBe(2)
  expect(findings).toContainEqual({ kind: 'lost', what: 'closed, and not in the log', event_id: trade(1).event_id })
})

test('regression: a correction that was acknowledged and is not in the log is lost', () => {
  const newest = EFFECTIVE.find((e) => e.revision > 0)!
  const published = new Map([[newest.event_id, newest.revision + 1]])
  const { findings } = judge({ closes: [], published }, readLog(RECORDS, new Set([SCHEMA_ID])), stores())
  expect(findings).toContainEqual({
    kind: 'lost',
    what: `its revision ${newest.revision + 1} was acknowledged, and the log has ${newest.revision}`,
    event_id: newest.event_id,
  })
})
