import { expect, test } from 'vitest'
import { StrandlineError } from '../core/errors.ts'
import { type Running, type SuperviseOptions, supervise } from './supervise.ts'
import type { Condition } from './wellness.ts'

/** A part that lives until told otherwise. */
function part(pid: number): Running & { crash(): void; stopped: boolean } {
  let end = () => {}
  const exited = new Promise<void>((resolve) => {
    end = resolve
  })
  const running = {
    pid,
    exited,
    stopped: false,
    crash: () => end(),
    async stop() {
      running.stopped = true
      end()
    },
  }
  return running
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

test('a part that ends by itself is started again, after a longer wait each time, and it is said', async () => {
  const parts: ReturnType<typeof part>[] = []
  const said: string[] = []
  const supervised = await supervise({
    name: 'Kafka',
    start: async () => {
      parts.push(part(100 + parts.length))
      return parts.at(-1)!
    },
    say: (sentence) => said.push(sentence),
    firstDelayMs: 10,
  })
  for (let crashes = 1; crashes <= 2; crashes++) {
    parts.at(-1)!.crash()
    await until(() => parts.length === crashes + 1 && supervised.current() === parts.at(-1))
  }
  await until(() => said.length === 4)
  expect(said).toEqual([
    'Kafka (process 100) ended by itself; it is started again in 0.01 s.',
    'Kafka is back (process 101).',
    'Kafka (process 101) ended by itself; it is started again in 0.02 s.',
    'Kafka is back (process 102).',
  ])
  await supervised.stop()
  expect(parts.at(-1)!.stopped).toBe(true)
  expect(parts).toHaveLength(3)
})

test('an error of the first start is the caller’s; a later one is said and tried again', async () => {
  await expect(
    supervise({
      name: 'pm',
      start: () => Promise.reject(new StrandlineError('PORT_TAKEN', 'Port 1 is taken.')),
      say: () => {},
    }),
  ).rejects.toMatchObject({ code: 'PORT_TAKEN' })

  let starts = 0
  const said: string[] = []
  const first = part(1)
  const supervised = await supervise<Running>({
    name: 'pm',
    start: async () => {
      starts++
      if (starts === 2) throw new StrandlineError('PORT_TAKEN', 'Port 1 is taken.')
      return starts === 1 ? first : part(starts)
    },
    say: (sentence) => said.push(sentence),
    firstDelayMs: 1,
  })
  first.crash()
  await until(() => starts === 3)
  expect(said[1]).toBe('pm did not come back: Port 1 is taken. The next try is in 0.002 s.')
  await supervised.stop()
})

test('stopping while it waits to start again starts nothing', async () => {
  let starts = 0
  const first = part(1)
  const said: string[] = []
  const supervised = await supervise({
    name: 'pm',
    start: async () => {
      starts++
      return first
    },
    say: (sentence) => said.push(sentence),
    firstDelayMs: 60_000,
  })
  first.crash()
  await until(() => said.length === 1)
  await supervised.stop()
  expect(starts).toBe(1)
})

/** A part that lives and does as `condition` says. */
const ailing = (pid: number, condition: () => Condition) => Object.assign(part(pid), { check: async () => condition() })

async function supervised(conditions: Condition[], options: Partial<SuperviseOptions<Running>> = {}) {
  const said: string[] = []
  const parts: ReturnType<typeof ailing>[] = []
  const one = await supervise<Running>({
    name: 'pm',
    start: async () => {
      const n = parts.length
      parts.push(ailing(n + 1, () => conditions[Math.min(n, conditions.length - 1)] as Condition))
      return parts.at(-1)!
    },
    say: (sentence) => said.push(sentence),
    firstDelayMs: 1,
    checkEveryMs: 1,
    deadAfterMs: 20,
    notReadyAfterMs: 20,
    ...options,
  })
  return { one, said, parts }
}

test('a part that lives and does not answer is ended and started again', async () => {
  const { one, said, parts } = await supervised([{ state: 'dead', reason: 'no answer' }, { state: 'well' }])
  await until(() => said.length === 2)
  expect(said[0]).toMatch(
    /^pm \(process 1\) has not answered for \d+ s \(no answer\); it is started again in 0\.001 s\.$/,
  )
  expect(said[1]).toBe('pm is back (process 2).')
  expect(parts[0]!.stopped).toBe(true)
  await one.stop()
  expect(parts).toHaveLength(2)
})

test('a part that is not ready for long is started again, after twice the time when that did not help', async () => {
  const notReady: Condition = { state: 'not ready', reason: 'The outbox waits.' }
  let condition: Condition = notReady
  const times: number[] = []
  const { one } = await supervised([], {
    start: async () => {
      times.push(performance.now())
      return ailing(times.length, () => condition)
    },
    notReadyAfterMs: 100,
  })
  await until(() => times.length === 4)
  condition = { state: 'well' }
  const waits = times.slice(1).map((at, i) => at - times[i]!)
  expect(waits[0]!).toBeGreaterThanOrEqual(100)
  expect(waits[1]!).toBeGreaterThanOrEqual(200)
  expect(waits[2]!).toBeGreaterThanOrEqual(400)
  await one.stop()
})

test('while what it needs is away a part is not started again for not being ready, but it is for not answering', async () => {
  let looks = 0
  let condition: Condition = { state: 'not ready', reason: 'Kafka is away.' }
  const { one, said } = await supervised([], {
    start: async () =>
      ailing(1, () => {
        looks++
        return condition
      }),
    excused: () => true,
    notReadyAfterMs: 5,
  })
  await until(() => looks > 50)
  expect(said).toEqual([])
  condition = { state: 'dead', reason: 'no answer' }
  await until(() => said.length > 0)
  expect(said[0]).toContain('has not answered')
  await one.stop()
})

test('the first start is given up when it is told so, a later one when the part is stopped', async () => {
  const hangs = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
  const giveUp = new AbortController()
  const starting = supervise({ name: 'Kafka', say: () => {}, signal: giveUp.signal, start: hangs })
  giveUp.abort(new Error('Ctrl-C'))
  await expect(starting).rejects.toThrow('Ctrl-C')

  const first = part(1)
  let restarting = false
  const supervised = await supervise<Running>({
    name: 'Kafka',
    say: () => {},
    firstDelayMs: 1,
    start: async (signal, isFirst) => {
      if (isFirst) return first
      restarting = true
      return hangs(signal)
    },
  })
  first.crash()
  await until(() => restarting)
  expect(supervised.up()).toBe(false)
  await supervised.stop()
})
