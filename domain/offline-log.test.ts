import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sharedData } from '../test/support/shared-data.ts'
import { UNSAID } from './event.ts'
import { parseOfflineLine, parseOfflineLog } from './offline-log.ts'

const line = {
  event_id: 'e1',
  revision: 2,
  voided: false,
  exit_ts: '2026-05-19T16:38:26Z',
  timeframe: '4h',
  rr: 1.5,
  entry_context: { curator: 'x', mcap_at_entry: 5 },
}
const parse = (change: object) => parseOfflineLine(JSON.stringify({ ...line, ...change }), 7)

test('a line becomes an event: texts of the context are levers, numbers are measures', () => {
  expect(parse({})).toMatchObject({
    event_id: 'e1',
    revision: 2,
    closed_at: Date.parse('2026-05-19T16:38:26Z'),
    opened_at: Date.parse('2026-05-19T16:38:26Z'),
    timeframe: '4h',
    rr: 1.5,
    levers: { curator: 'x' },
    measures: { mcap_at_entry: 5 },
    position_id: 'e1',
    entry_price: 0,
    source: 'import:jsonl',
    unscored_reason: null,
  })
})

test('an unscored trade keeps its reason, and gets one when it has none', () => {
  expect(parse({ rr: null, unscored_reason: 'no_ohlcv' }).unscored_reason).toBe('no_ohlcv')
  expect(parse({ rr: null }).unscored_reason).toBe('unscored')
})

test('a line may say what the trade came to in money, and what was risked', () => {
  const numbers = { return: 0.2, net_return: 0.19, fees: 0.4, stake: 40, risk_at_entry: 0.05, provisional: false }
  expect(parse(numbers)).toMatchObject(numbers)
  expect(parse({ provisional: null })).toMatchObject({ ...UNSAID, return: null })
})

test('a voided event needs no rr', () => {
  expect(parse({ rr: undefined, voided: true })).toMatchObject({ voided: true, rr: null, unscored_reason: null })
})

test('the event’s own levers and measures are taken where a line has no entry context', () => {
  expect(parse({ entry_context: undefined, levers: { chain: 'base' }, measures: { vol_at_entry: 3 } })).toMatchObject({
    levers: { chain: 'base' },
    measures: { vol_at_entry: 3 },
  })
})

test.each([
  [{ event_id: undefined }, 'event_id is missing'],
  [{ event_id: 5 }, 'event_id is 5, not a text'],
  [{ exit_ts: undefined }, 'exit_ts is missing'],
  [{ exit_ts: 'soon' }, 'exit_ts is "soon"'],
  [{ exit_ts: 1779208706000 }, 'exit_ts is 1779208706000'],
  [{ timeframe: '' }, 'timeframe is missing'],
  [{ rr: undefined }, 'rr is missing'],
  [{ rr: '1.5' }, 'rr is "1.5", not a number'],
  [{ revision: 1.5 }, 'revision is 1.5'],
  [{ revision: -1 }, 'revision is -1'],
  [{ voided: 'no' }, 'voided is "no"'],
  [{ provisional: 'no' }, 'provisional is "no"'],
  [{ net_return: '1 %' }, 'net_return is "1 %", not a number'],
  [{ entry_context: [] }, 'entry_context is not an object'],
  [{ entry_context: undefined, measures: { a: 'x' } }, 'measures.a is "x", not a number'],
])('%j is refused by its line number: %s', (change, sentence) => {
  expect(() => parse(change)).toThrow(`Line 7: ${sentence}`)
})

test('an infinite R/R is refused', () => {
  expect(() => parseOfflineLine(JSON.stringify(line).replace('1.5', '1e999'), 3)).toThrow(
    'Line 3: rr is not a finite number',
  )
})

test('a text that is not JSON is refused by its number, empty lines counted', () => {
  expect(() => parseOfflineLog(`${JSON.stringify(line)}\n\n{oops\n`)).toThrow('Line 3: not JSON')
})

test('a byte order mark, empty lines and CRLF are no events', () => {
  expect(
    parseOfflineLog(`\uFEFF${JSON.stringify(line)}\r\n\r\n${JSON.stringify({ ...line, event_id: 'e2' })}\r\n`).map(
      (e) => e.event_id,
    ),
  ).toEqual(['e1', 'e2'])
})

const vectors = sharedData('vectors/coefficients.json')
test.skipIf(!vectors)('every line of the reference vectors can be read', () => {
  const { cases } = JSON.parse(readFileSync(vectors!, 'utf8')) as { cases: Record<string, { log: object[] }> }
  for (const { log } of Object.values(cases))
    expect(parseOfflineLog(log.map((l) => JSON.stringify(l)).join('\n'))).toHaveLength(log.length)
})
