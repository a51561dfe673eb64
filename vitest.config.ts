import { defineConfig } from 'vitest/config'
import { NODE_FLAGS } from './core/node-flags.ts'
import { containerProject } from './test/containers/project.ts'
import { LongestFirst } from './test/support/longest-first.ts'
import { TIME_LIMITS } from './test/support/patience.ts'

/** A worker runs file after file without loading the program anew, which costs as much as many a file's tests: what a file changes in its process it puts back. */
const SHARED = { isolate: false, setupFiles: ['test/support/put-back.ts'] }

/** Most of a file's time is waiting: three files, and three of the lane beside it (cli/test.ts), share two cores. */
const THREE_AT_ONCE = { maxWorkers: 3, sequence: { groupOrder: 1 } }

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{domain,core,services,embedded,cli,doctor,demo,bench,fuzz,moving,page,replay,simulation,torture,test,web}/**/*.test.ts',
          ],
          exclude: ['simulation/simulate.test.ts', '**/*.int.test.ts', '**/*.container.test.ts', '**/node_modules/**'],
          ...TIME_LIMITS,
          ...SHARED,
        },
      },
      {
        // By itself it keeps one core busy for minutes: beside those that wait.
        test: {
          name: 'simulation',
          include: ['simulation/simulate.test.ts'],
          ...THREE_AT_ONCE,
          ...TIME_LIMITS,
          ...SHARED,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['{core,services,embedded,cli,test}/**/*.int.test.ts'],
          globalSetup: ['test/support/engines.ts'],
          ...THREE_AT_ONCE,
          ...TIME_LIMITS,
          ...SHARED,
          // CI's machine is shared: what a starved engine made fail is tried again, and the report says that it was.
          retry: process.env.CI ? 2 : 0,
          execArgv: NODE_FLAGS,
        },
      },
      ...containerProject(),
    ],
  },
})
