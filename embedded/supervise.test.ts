import { expect, test } from 'vitest'
import { StrandlineError } from '../core/errors.ts'
import { type Running, supervise } from './supervise.ts'

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
