import { pino } from 'pino'
import { expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createLiveness, MAX_SILENCE_MS } from '../../core/liveness.ts'
import type { Outbox, OutboxRow } from '../../core/store/outbox-store.ts'
import { startRelay } from './relay.ts'

const row = {
  id: 1,
  payload: { event_id: 'e', position_id: 'p', closed_at: 0, revision: 1 },
  traceparent: null,
} as unknown as OutboxRow
const outbox: Outbox = {
  claim: async () => [],
  published: async () => ({ marked: 1, refused: [] }),
  release: async () => undefined,
  state: async () => ({ depth: 0, refused: 0, oldest_seconds: 0 }),
  topics: async () => ({ read: [], goes_to: null }),
  furthest: async () => [],
}
const never = new Promise<never>(() => {})

/** A relay whose log answers no `produce`, which its port forbids; and how often it has polled. */
function relay(options: { rows?: OutboxRow[] } = {}) {
  const liveness = createLiveness()
  const seen = { polls: 0, asked: false }
  const started = startRelay({
    outbox: {
      ...outbox,
      async claim() {
        seen.polls++
        return options.rows ?? []
      },
    },
    log: {
      offsets: async () => [],
      produce() {
        seen.asked = true
        return never
      },
    } as never,
    codec: { encode: async () => Buffer.from('e') } as never,
    clock: systemClock,
    logger: pino({ level: 'silent' }) as never,
    topic: 't',
    pollMs: 1,
    liveness,
  })
  return { liveness, seen, relay: started }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

test('regression: a poll that hangs is not taken for well', async () => {
  const { liveness, seen } = relay({ rows: [row] })
  await until(() => seen.asked)
  liveness.passed(MAX_SILENCE_MS + 1)
  expect(liveness.failure()).toBe('The poll of the outbox has not moved for 300 s.')
})

test('regression: a publication of what just closed that hangs is not hidden by the polls that go on', async () => {
  const { liveness, seen, relay: hanging } = relay()
  hanging.offer(row)
  await until(() => seen.asked)
  liveness.passed(MAX_SILENCE_MS + 1)
  const { polls } = seen
  await until(() => seen.polls > polls + 1)
  expect(liveness.failure()).toBe('The publishing of what closes has not moved for 300 s.')
})

test('a relay with nothing to do beats', async () => {
  const { liveness, seen, relay: well } = relay()
  await until(() => seen.polls > 2)
  liveness.passed(MAX_SILENCE_MS + 1)
  const { polls } = seen
  await until(() => seen.polls > polls + 1)
  expect(liveness.failure()).toBeNull()
  await well.stop()
  liveness.passed(10_000)
  expect(liveness.failure()).toBeNull()
})
