/** `strandline verdict`: whether past trades say anything about the next one. */
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { loadModel } from '../core/load-model.ts'
import { judgedTrades } from '../domain/verdict/judged-trades.ts'
import { judge, type Verdict } from '../domain/verdict/verdict.ts'
import { judgeLog } from '../replay/judge-log.ts'
import { readJsonl } from '../services/pm/sources/jsonl.ts'
import { time } from './moment.ts'
import { openLog } from './open-log.ts'
import { say } from './output.ts'
import { createProgress } from './progress.ts'
import { verdictText } from './verdict-text.ts'

interface Options {
  models?: string[]
  since?: number
  json?: boolean
  dataDir?: string
}

export function register(program: Command): void {
  program
    .command('verdict')
    .description(
      'Say whether past trades say anything about the next one: each trade sized by what was known before its entry, against equal sizes. Better, worse, or cannot tell.',
    )
    .argument('[events.jsonl]', "judge an exported log instead of the stack's (what `fold` reads)")
    .option(
      '--models <a,b,…>',
      'models or model files to judge (default: those that are learned here)',
      (text: string) => text.split(',').map((name) => name.trim()),
    )
    .option('--since <time>', 'judge only trades that were entered from then on; earlier ones are learned from', time)
    .option('--json', 'print one JSON object: {"trades", "days", "models", "sentence", "caveats"}')
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      `
Each model that is tried is kept in the database and counts against the next answer: whoever tries many finds one that looks good by chance.
docs/learning.md explains every column.

Examples:
  ./strandline verdict
  ./strandline verdict --models lowcap-v4,lowcap-v5,lowcap-return
  ./strandline verdict events.jsonl --models lowcap-v5 --json
`,
    )
    .action(async (file: string | undefined, options: Options) => {
      const verdict = file === undefined ? await ofStack(options) : await ofFile(file, options)
      console.log(options.json ? JSON.stringify(verdict) : verdictText(verdict))
    })
}

async function ofStack({ models, since, dataDir }: Options): Promise<Verdict> {
  const stack = await openLog(dataDir)
  try {
    const progress = createProgress()
    const { store, log, config } = stack
    const deps = {
      store,
      log,
      config,
      progress: (done: number, total: number) => progress('Reading the log', done, total),
    }
    const verdict = await judgeLog(deps, {
      models,
      since,
      progress(model) {
        progress.end()
        say(`Walking through the log with ${model} …`)
      },
    })
    progress.end()
    return verdict
  } finally {
    await stack.close()
  }
}

async function ofFile(file: string, { models, since }: Options): Promise<Verdict> {
  if (!models)
    throw new StrandlineError('USAGE', 'Which models? A file has no learner that would say so.', {
      todo: 'Name them, e.g. --models lowcap-v4,lowcap-v5.',
    })
  const compiled = models.map(loadModel)
  const records = (await readJsonl(file, Date.now())).map((event) => ({ event }))
  return judge(judgedTrades(records), compiled, {
    since,
    progress: (model) => say(`Walking through the log with ${model} …`),
  })
}
