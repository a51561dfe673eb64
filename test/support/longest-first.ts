/**
 * Which files begin first: those that take minutes, so that none of them is left alone at the end. vitest knows that of an earlier run only, and goes by the size of the
 * files on a new machine.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The longest first (one loaded run of 2026-12-01: above a minute and a half). */
const LONGEST = [
  'simulation/simulate.test.ts',
  'test/torture/torture.int.test.ts',
  'test/clients/freqtrade.int.test.ts',
  'test/audit/waiting.int.test.ts',
  'test/page/operating.int.test.ts',
  'test/embedded/kafka.int.test.ts',
  'test/page/loop.int.test.ts',
  'test/embedded/engine-health.int.test.ts',
  'test/embedded/full-disk.int.test.ts',
  'test/learner/crash.int.test.ts',
  'test/embedded/up.int.test.ts',
  'test/embedded/watched.int.test.ts',
  'test/moving/commands.int.test.ts',
  'test/cli/trades.int.test.ts',
]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.findIndex((file) => moduleId.endsWith(`/${file}`))
      return at < 0 ? LONGEST.length : at
    }
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b)) // stable; groups stay apart
  }
}
