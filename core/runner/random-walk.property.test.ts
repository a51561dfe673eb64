/** The runner among engines that fail at random and calls that come at any moment: what must hold at each step, and that the table is neither too wide nor too narrow. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStream } from '../../simulation/streams.ts'
import { createMemoryRunner } from '../../test/support/memory-runner.ts'
import { unreachable } from '../../test/support/memory-store.ts'
import { StrandlineError } from '../errors.ts'
import type { BatchControl } from '../log/log.ts'
import { type Event, type State, TABLE, type Transition } from './transitions.ts'

const WALKS = 400
const STEPS = 60
const END = 40

/** Every pair that was looked up in the table. */
const met = new Set<string>()
const rows = { ...TABLE }
beforeAll(() => {
  for (const [state, row] of Object.entries(rows))
    Object.assign(TABLE, {
      [state]: new Proxy(row, {
        get: (cells, event) => {
          met.add(`${state} × ${String(event)}`)
          return Reflect.get(cells, event)
        },
      }),
    })
})
afterAll(() => void Object.assign(TABLE, rows))

/** As kafkajs names a heartbeat that was not answered. */
class HeartbeatFailed extends Error {
  override name = 'KafkaJSRebalance'
}

async function walk(seed: number): Promise<void> {
  const chance = createStream(seed, 'random walk')
  const world = createMemoryRunner()
  const { memory } = world
  world.range = { start: 0, end: END }
  const offsets = Array.from({ length: END }, (_, i) => i).filter(() => chance.chance(0.7))
  const runner = world.runner(chance.between(1, 6))
  let faulty = true
  const faults = (probability: number) => faulty && chance.chance(probability)

  /** The group has given it to us. */
  let held = false
  /** The claim that we have, as far as the runner has heard. */
  let epoch: number | null = null
  /** The version that what is cached belongs to; null: nothing is cached. */
  let cached: number | null = null
  /** Highest checkpoint ever committed. */
  let highest = 0
  /** How often the database went back. */
  let backs = 0
  /** How often the group gave us the partition. */
  let joins = 0
  let questions = 0
  /** Where the log reads on. */
  let position = 0
  let gapEnd: number | undefined
  let group: number | null = null
  const calls: Promise<unknown>[] = []

  // ---- what must hold at every question

  const { apply } = memory.processor
  const { claim, read } = memory.checkpoints
  async function alone<T>(question: () => Promise<T>): Promise<T> {
    expect(++questions, 'one thing at a time').toBe(1)
    try {
      for (let n = chance.between(0, 3); n > 0; n--) await null
      return await question()
    } finally {
      questions--
    }
  }
  memory.checkpoints.claim = (...of) => {
    expect(held, 'nothing is claimed that the group took away').toBe(true)
    epoch = null
    return alone(async () => {
      const claimed = await claim(...of)
      epoch = claimed.epoch
      cached = null
      return claimed
    })
  }
  memory.checkpoints.read = (of) =>
    alone(async () => {
      const standing = await read(of)
      if (standing?.epoch !== epoch) epoch = null
      return standing
    })
  memory.processor.apply = (of, chunk) => {
    expect(held, 'nothing is applied that the group took away').toBe(true)
    expect(of.epoch, 'nothing is applied without a claim, or under one that was let go').toBe(epoch)
    expect(of.version, 'no version is named but that of what is cached').toBe(cached ?? of.version)
    cached = of.version
    return alone(async () => {
      const { length } = chunk.records
      if (length > 0 && faults(0.08)) {
        const { offset } = chance.pick(chunk.records)
        return { status: 'waits', offset, error: new StrandlineError('REGISTRY_SCHEMA_UNKNOWN', 'later') }
      }
      const applied = await apply(of, chunk)
      if (applied.status === 'fenced') epoch = null
      if (applied.status === 'ok') cached = of.version + 1
      return applied
    })
  }
  memory.processor.forget = () => {
    cached = null
  }

  // ---- what goes wrong

  function goBack(): void {
    const { row } = memory
    if (!row || row.checkpoint === null) return
    const to = chance.between(0, row.checkpoint)
    if (to === row.checkpoint) return
    backs++
    Object.assign(row, { checkpoint: to, version: row.version - chance.between(0, 1), last_commit: null })
    for (const offset of memory.applied.keys()) if (offset >= to) memory.applied.delete(offset)
  }
  function interfere(): void {
    const others = ['claim', 'version', 'back', 'revoke', 'assign', 'watch'] as const
    const what = chance.pick(others)
    if (what === 'claim' && memory.row) memory.row.epoch++
    if (what === 'version' && memory.row) memory.row.version++
    if (what === 'back') goBack()
    if (what === 'revoke') revoke()
    if (what === 'assign') calls.push(assign())
    if (what === 'watch') calls.push(watch())
  }
  memory.before = () => {
    if (faults(0.15)) interfere()
    if (faults(0.15)) throw unreachable()
    if (faults(0.01)) throw new TypeError('a fault')
  }
  memory.after = (what, chunk) => {
    if (what === 'commit') highest = Math.max(highest, chunk?.next ?? 0)
    if (faults(0.08)) throw unreachable()
  }
  world.admit = async () => {
    if (faults(0.05)) throw new TypeError('a fault')
  }
  const heartbeat = async () => {
    if (faults(0.15)) interfere()
    if (faults(0.08)) throw new HeartbeatFailed('the group is rebalancing')
  }

  // ---- the log and the group

  const passes = (error: unknown) => {
    if (!(error instanceof HeartbeatFailed) && (error as Error).message !== 'a fault') throw error
  }
  function revoke(): void {
    held = false
    epoch = null
    calls.push(runner.revoked(0))
  }
  async function assign(): Promise<void> {
    if (held && chance.chance(0.5)) revoke() // otherwise it stays ours in a rebalance
    held = true
    joins++
    epoch = null
    const start = await runner
      .assigned(0, chance.chance(0.8) ? group : chance.pick([null, 'earliest', 0]))
      .catch(passes)
    position = start ?? group ?? 0
    gapEnd = undefined
    if (faults(0.2)) position = chance.between(0, END - 1) // kafkajs goes on from somewhere else
  }
  /** As core/lag/consumer-watch.ts. */
  async function watch(): Promise<void> {
    const to = memory.row?.checkpoint ?? null
    if (await runner.rewind(0, to)) position = to ?? 0
    const from = await runner.claimAgain(0).catch(passes)
    if (typeof from === 'number') position = from
  }
  function control(): { control: BatchControl; sought(): boolean } {
    let sought = false
    return {
      sought: () => sought,
      control: {
        heartbeat,
        isActive: () => !sought,
        seek(offset) {
          sought = true
          position = offset
        },
        async commitOffset(offset) {
          expect(offset, 'the group hears of what is committed').toBeLessThanOrEqual(highest)
          group = offset
        },
      },
    }
  }
  async function fetch(): Promise<void> {
    const from = position
    const first = offsets.find((o) => o >= from) ?? END
    const { control: of, sought } = control()
    if (from < first && chance.chance(0.6)) {
      position = gapEnd = first
      const passing = runner.passed({ partition: 0, from, next: first }, of).catch(passes)
      if (chance.chance(0.5)) await passing
      else calls.push(passing)
      return
    }
    if (first === END) return
    const taken = offsets.filter((o) => o >= from).slice(0, chance.between(1, 8))
    const last = taken.at(-1) as number
    const next = chance.chance(0.5) ? last + 1 : (offsets.find((o) => o > last) ?? END)
    const before = backs
    const join = joins
    let failed = false
    position = next
    await runner.batch(world.batch(from, taken, { nextOffset: next, afterGap: gapEnd === from }), of).catch((error) => {
      passes(error)
      failed = true
      position = from
    })
    if (failed || sought() || !held || joins !== join || backs !== before) return
    // nobody has seen yet that the database went back
    if ((runner.known().get(0) ?? -1) > (memory.row?.checkpoint ?? -1)) return
    const left = taken.filter((o) => !memory.applied.has(o))
    expect(left, 'a batch that is neither handed back nor thrown away is applied').toEqual([])
  }

  for (let i = 0; i < STEPS; i++) {
    world.offsetsFail = faults(0.3) ? chance.between(1, 3) : 0
    if (!held) await assign()
    else if (chance.chance(0.85)) await fetch()
    else interfere()
    if (chance.chance(0.3)) {
      await Promise.all(calls)
      if (epoch === null) expect(runner.known(), 'a claim that is lost is let go').toEqual(new Map())
    }
  }

  faulty = false
  await Promise.all(calls)
  world.offsetsFail = 0
  for (let i = 0; memory.row?.checkpoint !== END || memory.applied.size < offsets.length; i++) {
    expect(i, 'it comes to rest').toBeLessThan(200)
    if (!held) await assign()
    await fetch()
    if (i % 5 === 4) await watch()
  }
  expect([...memory.applied].sort(([a], [b]) => a - b)).toEqual(offsets.map((offset) => [offset, 1]))
}

test('whatever comes when, the invariants hold, and every record takes effect exactly once', async () => {
  for (let seed = 1; seed <= WALKS; seed++)
    await walk(seed).catch((error) => {
      throw new Error(`Walk ${seed}: ${(error as Error).message}`, { cause: error })
    })
})

test('every pair that the table allows was met', () => {
  const allowed = (Object.keys(rows) as State[]).flatMap((state) =>
    (Object.entries(rows[state]) as [Event, Transition][]).flatMap(([event, then]) =>
      'to' in then ? [`${state} × ${event}`] : [],
    ),
  )
  expect(allowed.filter((pair) => !met.has(pair))).toEqual([])
})
