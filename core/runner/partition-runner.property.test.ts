import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMemoryRunner, hand } from '../../test/support/memory-runner.ts'
import { unreachable } from '../../test/support/memory-store.ts'
import { StrandlineError } from '../errors.ts'

describe('whatever happens', () => {
  // One step of a run: what befalls the next batch.
  const step = fc.record({
    size: fc.integer({ min: 1, max: 6 }),
    gap: fc.boolean(), // the log passes over what it has no records for, as after an aborted transaction
    fault: fc.constantFrom(
      'none',
      'none',
      'none',
      'lost before',
      'lost after',
      'refused',
      'fenced',
      'stale',
      'ahead',
      'revoked',
      'moved back',
    ),
  })

  it('every record takes effect exactly once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(60), { minLength: 1, maxLength: 30 }),
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        async (some, steps, maxChunk) => {
          const world = createMemoryRunner()
          const offsets = some.sort((a, b) => a - b)
          const end = (offsets.at(-1) as number) + 1
          world.range = { start: 0, end }
          let runner = world.runner(maxChunk)
          let group: number | null = null
          let at = (await runner.assigned(0, group)) ?? 0
          let obeys = true // a log that was sent somewhere reads on from there
          const plan = [...steps]
          for (let guard = 0; at < end; guard++) {
            if (guard > 1_000) throw new Error('it never ends')
            const { size, gap, fault } = plan.shift() ?? { size: 4, gap: false, fault: 'none' }
            let faults = 1
            world.memory.before = (what) => {
              if (what !== 'commit' || faults-- <= 0) return
              if (fault === 'lost before') throw unreachable()
              if (fault === 'refused') throw new StrandlineError('STORE_REJECTED', 'no')
              if (fault === 'fenced') world.memory.row!.epoch++
              if (fault === 'stale') world.memory.row!.version++
            }
            world.memory.after = (what) => {
              if (what === 'commit' && fault === 'lost after' && faults-- === 0) throw unreachable()
            }
            if (fault === 'ahead' && !obeys) at = Math.min(at + size, end - 1)
            if (fault === 'revoked' || fault === 'moved back') {
              if (fault === 'moved back') group = Math.max(0, (group ?? 0) - size)
              if (size % 2)
                runner = world.runner(maxChunk) // another process, or the same one again
              else await runner.revoked(0)
              at = (await runner.assigned(0, group)) ?? 0
              continue
            }
            const start = offsets.find((o) => o >= at) as number
            const afterGap = gap && start > at
            if (afterGap) at = start
            const taken = offsets.filter((o) => o >= at).slice(0, size)
            const next = offsets.find((o) => o > (taken.at(-1) as number)) ?? end
            const { soughtOffset, committed } = await hand(
              runner,
              world.batch(at, taken, { nextOffset: next, afterGap }),
            )
            group = committed.at(-1) ?? group
            obeys = soughtOffset !== null
            at = soughtOffset ?? next
          }
          expect([...world.memory.applied].sort((a, b) => a[0] - b[0])).toEqual(offsets.map((o) => [o, 1]))
          expect(world.memory.row?.checkpoint).toBe(end)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})
