import { defineConfig } from 'vitest/config'
import { NODE_FLAGS } from './core/node-flags.ts'
import { containerProject } from './test/containers/project.ts'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{domain,core,services,embedded,cli,doctor,demo,bench,moving,simulation,torture,test}/**/*.test.ts',
          ],
          exclude: ['**/*.int.test.ts', '**/*.container.test.ts', '**/node_modules/**'],
          // Properties and large caches take seconds where both cores are busy; what hangs is found all the same.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['{core,services,embedded,cli,test}/**/*.int.test.ts'],
          globalSetup: ['test/support/engines.ts'],
          // Most of a file's time is waiting: two files share two cores. More would starve the engines.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          // A bound on what never comes, not a measure of time: the machine may do much else.
          testTimeout: 240_000,
          expect: { poll: { timeout: 120_000 } },
          // CI's machine is shared: what a starved engine made fail is tried again, and the report says that it was.
          retry: process.env.CI ? 2 : 0,
          hookTimeout: 300_000,
          execArgv: NODE_FLAGS,
        },
      },
      ...containerProject(),
    ],
  },
})
