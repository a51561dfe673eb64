import { expect, test } from 'vitest'
import { recordedAt } from './record-time.ts'

test('a record was closed when its header says, and at its own timestamp where that says nothing', () => {
  const at = (ce_recordedtime?: Buffer | string) => recordedAt({ timestamp: 5, headers: { ce_recordedtime } })
  expect(at(Buffer.from('2026-11-01T10:00:00.123Z'))).toBe(Date.UTC(2026, 10, 1, 10, 0, 0, 123))
  expect([at(), at('soon'), at('')]).toEqual([5, 5, 5])
})
