import { describe, expect, it } from 'vitest'
import { AT_ONCE, createUnknownSchemas, unknownSchemaTimeout } from './unknown-schemas.ts'

const MINUTE = 60_000

/** Ids, of which the registry knows none, asked after whenever they are due, every 100 ms until `until`. */
function ask(u: ReturnType<typeof createUnknownSchemas>, ids: number[], from: number, until: number): void {
  for (let now = from; now <= until; now += 100) for (const id of ids) if (u.due(id, now)) u.denied(id, now)
}

describe('a schema that the registry denies', () => {
  it('is not unknown after one answer, nor after many within a moment', () => {
    const u = createUnknownSchemas(unknownSchemaTimeout())
    for (let now = 0; now < 100; now++) u.denied(7, now)
    expect(u.verdict(7, 100)).toEqual({ unknown: false, since: 0, times: 100 })
  })

  it('is not unknown after two answers, however far apart', () => {
    const u = createUnknownSchemas(unknownSchemaTimeout())
    u.denied(7, 0)
    u.denied(7, 2 * MINUTE)
    expect(u.verdict(7, 2 * MINUTE).unknown).toBe(false)
  })

  it('is unknown after two minutes of the same answer', () => {
    const u = createUnknownSchemas(unknownSchemaTimeout())
    ask(u, [7], 0, 2 * MINUTE - 100)
    expect(u.verdict(7, 3 * MINUTE).unknown, 'time alone proves nothing').toBe(false)
    u.denied(7, 3 * MINUTE)
    expect(u.verdict(7, 3 * MINUTE).unknown).toBe(true)
  })

  it('is asked after every two seconds, and every half minute once it is found unknown', () => {
    const u = createUnknownSchemas(unknownSchemaTimeout())
    ask(u, [7], 0, 2 * MINUTE)
    const { times } = u.verdict(7, 2 * MINUTE)
    expect(times).toBe(61)
    expect(u.due(7, 2 * MINUTE + 29_000)).toBe(false)
    expect(u.due(7, 2 * MINUTE + 30_000)).toBe(true)
  })

  it('and is met again long after begins anew', () => {
    const u = createUnknownSchemas(unknownSchemaTimeout())
    ask(u, [7], 0, 2 * MINUTE)
    u.denied(7, 60 * MINUTE)
    expect(u.verdict(7, 60 * MINUTE)).toEqual({ unknown: false, since: 60 * MINUTE, times: 1 })
  })

  it('is unknown at once for whoever only looks', () => {
    const u = createUnknownSchemas(AT_ONCE)
    u.denied(7, 0)
    expect(u.verdict(7, 0).unknown).toBe(true)
  })
})

describe('ids without end', () => {
  it('that are met together are found unknown together', () => {
    const u = createUnknownSchemas(unknownSchemaTimeout())
    const ids = Array.from({ length: 1_000 }, (_, i) => i)
    ask(u, ids, 0, 2 * MINUTE)
    expect(ids.every((id) => u.verdict(id, 2 * MINUTE).unknown)).toBe(true)
  })

  it('whose records were written before the registry was watched need no further minutes', () => {
    const u = createUnknownSchemas(unknownSchemaTimeout())
    const written = -MINUTE
    ask(u, [1], 0, 2 * MINUTE)
    let now = 2 * MINUTE
    for (let id = 100; id < 120; id++, now += 10_000) {
      expect(u.verdict(id, now, written).unknown).toBe(false)
      ask(u, [id], now, now + 8_000)
      expect(u.verdict(id, now + 8_000, written).unknown, `id ${id}`).toBe(true)
    }
  })

  it('of which one was written only now wait for it: its schema may be new', () => {
    const u = createUnknownSchemas(unknownSchemaTimeout())
    ask(u, [1], 0, 2 * MINUTE)
    ask(u, [1, 2], 2 * MINUTE, 3 * MINUTE)
    expect(u.verdict(2, 3 * MINUTE, 2 * MINUTE).unknown).toBe(false)
    ask(u, [1, 2], 3 * MINUTE, 4 * MINUTE)
    expect(u.verdict(2, 4 * MINUTE, 2 * MINUTE).unknown).toBe(true)
  })
})

describe('a registry that is not what it seems', () => {
  it.each<[string, (u: ReturnType<typeof createUnknownSchemas>) => void]>([
    ['gave no answer in between', (u) => u.unanswered()],
    ['lagged behind: what it denied turned up', (u) => u.found(1)],
  ])('%s: nobody profits from what it said to others', (_, happens) => {
    const u = createUnknownSchemas(unknownSchemaTimeout())
    ask(u, [1, 2], 0, 2 * MINUTE)
    happens(u)
    ask(u, [2, 3], 2 * MINUTE + 100, 2 * MINUTE + 20_000)
    expect(u.verdict(3, 2 * MINUTE + 20_000, -1).unknown).toBe(false)
  })
})
