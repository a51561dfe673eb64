/** `strandline models`: the model versions, and which one readers see. */
import type { Command } from 'commander'
import { listVersions } from '../services/learner/list-versions.ts'
import { modelsText } from './models-text.ts'
import { createProgress } from './progress.ts'
import { openStack } from './shared.ts'

/** Rows after which it takes longer than a person looks at a still screen. */
const MANY = 2_000_000

export function register(program: Command): void {
  program
    .command('models')
    .description(
      'List the model versions: a model folded over the log, once or again. Readers see the active one; learners keep all of them up to date.',
    )
    .option(
      '--json',
      'print one JSON object: {"models": [{"name", "hash", "build", "topic", "active", "state", "previous", "events", "lag", "coefficients", "size_bytes", "sums_of", "created_at"}]}; state: active, kept, building or dropping; previous: rollback goes there; events: trades in its ledger; lag: records; sums_of: null, or the version whose sums it reads (size_bytes is 0 then)',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      `
A command that takes a model takes a version as well: lowcap-v4 (of several the active one, else the newest), the first six or more
digits of a hash, and either with .r2 behind it for the second build of the same definition.

Examples:
  ./strandline models
  ./strandline coefficients --model lowcap-v4.r2
`,
    )
    .action(async ({ json, dataDir }: { json?: boolean; dataDir?: string }) => {
      const stack = await openStack({ dataDir, needs: ['database', 'kafka'] })
      const progress = createProgress()
      try {
        const models = await listVersions(
          stack,
          (rows) => rows >= MANY && progress('counting', rows, undefined, `${rows} rows`),
        )
        progress.end()
        console.log(json ? JSON.stringify({ models }) : modelsText(models, stack.clock.now()))
      } finally {
        await stack.close()
      }
    })
}
