/**
 * vitest's project of the container tests: what is about containers only, and the integration tests of the loop once more, on engines in containers.
 * STRANDLINE_CONTAINERS says whether it runs: `auto` (./strandline test: where an engine answers; otherwise it is left out, loudly), `required` (CI: no engine
 * is an error), `off`. Without it, vitest runs it when asked by name: --project containers.
 */
import type { TestProjectInlineConfiguration } from 'vitest/config'
import { NODE_FLAGS } from '../../core/node-flags.ts'
import { TIME_LIMITS } from '../support/patience.ts'
import { engineMissing } from './images.ts'

export function containerProject(): TestProjectInlineConfiguration[] {
  const mode = process.env.STRANDLINE_CONTAINERS ?? (process.argv.includes('containers') ? 'required' : 'off')
  if (mode === 'off') return []
  const missing = engineMissing()
  if (missing) {
    const what = `THE TESTS IN CONTAINERS ARE LEFT OUT: no container engine answers (${missing}). docker/engine.sh start gets one.`
    if (mode === 'required') throw new Error(what)
    const line = '!'.repeat(120)
    process.stderr.write(`\n${line}\n${what}\n${line}\n\n`)
    return []
  }
  return [
    {
      test: {
        name: 'containers',
        include: ['test/containers/*.container.test.ts', 'test/{learner,loop,projector,pm,decision}/**/*.int.test.ts'],
        // The same on any engine, or on one that they start themselves: they run on the embedded one.
        exclude: [
          'test/learner/{broker-away,compaction,log-checkpoints,registry-answers,sparse-offsets,topic-identity}.int.test.ts',
          'test/learner/{copied-commits,lazy-commits,rebuild,shared-sums}.int.test.ts',
          'test/pm/{long-trades,trade-names}.int.test.ts',
        ],
        globalSetup: ['test/containers/engines.ts'],
        setupFiles: ['test/support/put-back.ts'],
        fileParallelism: false, // some files crash the engines, which all of them share
        sequence: { groupOrder: 2 },
        ...TIME_LIMITS,
        retry: process.env.CI ? 2 : 0, // as in vitest.config.ts
        execArgv: NODE_FLAGS,
      },
    },
  ]
}
