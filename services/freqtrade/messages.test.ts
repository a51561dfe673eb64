import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sharedData } from '../../test/support/shared-data.ts'
import { closedTrade } from './messages.ts'

test('only the message that a whole trade is closed names a trade', () => {
  const message = { type: 'exit_fill', trade_id: 3, is_final_exit: true }
  expect(closedTrade(JSON.stringify(message))).toBe(3)
  for (const other of [
    { ...message, is_final_exit: false },
    { ...message, type: 'exit' },
    { ...message, trade_id: '3' },
    [message],
  ])
    expect(closedTrade(JSON.stringify(other))).toBe(null)
  expect(closedTrade('{')).toBe(null)
})

const sample = sharedData('freqtrade/samples/ws.jsonl')
test.skipIf(sample === null)('of what a real Freqtrade sent, each trade is named once', () => {
  const lines = readFileSync(sample as string, 'utf8')
    .trim()
    .split('\n')
  const named = lines.map(closedTrade).filter((id) => id !== null)
  expect(named.length).toBeGreaterThan(10)
  expect(new Set(named).size).toBe(named.length)
})
