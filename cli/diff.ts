/** `strandline diff`: what moved between two moments, and because of which trades. */
import { type Command, Option } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { diffAnswer } from '../replay/answers.ts'
import type { ChangedCoefficient, Difference } from '../replay/diff.ts'
import { answeringLines } from './explain-text.ts'
import { time } from './moment.ts'
import { wholeNumber } from './numbers.ts'
import { withHistory } from './open-log.ts'
import { type OutcomeText, outcomeText } from './outcome-text.ts'
import { number, table } from './table.ts'

interface Options {
  from: number
  to?: number
  by: 'exit' | 'log'
  model?: string
  limit?: number
  json?: boolean
  dataDir?: string
}

/** Rows that a person reads at once. */
const SCREEN = 40

export function register(program: Command): void {
  program
    .command('diff')
    .description('Say what moved between two moments: each coefficient before and after, and the trades that did it.')
    .requiredOption('--from <time>', 'the earlier moment', time)
    .option('--to <time>', 'the later one (default: now)', time)
    .addOption(
      new Option(
        '--by <what>',
        'exit: by when trades were closed, as they are known now; log: by when the log took them in',
      )
        .choices(['exit', 'log'])
        .default('exit'),
    )
    .option('--model <name>', 'of this model (default: the active one)')
    .option('--limit <n>', `print at most so many; 0: all (default: ${SCREEN}, with --json all)`, wholeNumber)
    .option(
      '--json',
      'print one JSON object: {"from", "to", "moved", "changed": [{"scope", "name", "key", "before", "after", "trades"}]}',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      '\nExamples:\n  ./strandline diff --from 2026-05-01\n  ./strandline diff --from 2026-05-01 --to 2026-05-08 --by log\n',
    )
    .action(async (options: Options) => {
      const { from, to, by, json, limit = json ? 0 : SCREEN } = options
      if (to !== undefined && to < from)
        throw new StrandlineError('USAGE', '--to lies before --from.', { todo: 'Give the earlier moment as --from.' })
      await withHistory(options, (opened) => {
        const answer = diffAnswer(opened, { from, to, by, limit })
        const { model } = answer
        const span = `${answer.from} to ${answer.to ?? 'now'}, by ${by === 'exit' ? 'exits' : 'the log'}`
        console.log(
          json
            ? JSON.stringify(answer)
            : [...answeringLines(model, span), ...diffText(answer, outcomeText(model.outcome))].join('\n'),
        )
      })
    })
}

function diffText({ global_rr: { before, after }, changed, moved }: Difference, outcome: OutcomeText): string[] {
  const right = 'right' as const
  const lines = [
    `baseline: ${outcome.title} ${outcome.value(before.rr_short)} → ${outcome.value(after.rr_short)} (short), ${outcome.value(before.rr_long)} → ${outcome.value(after.rr_long)} (long), ${before.n} → ${after.n} trades`,
    '',
  ]
  if (changed.length === 0) return [...lines, 'No coefficient moved.']
  lines.push(
    ...table(
      [
        { title: 'scope' },
        { title: 'name' },
        { title: 'key' },
        { title: 'weight', align: right },
        { title: '→', align: right },
        { title: 'n', align: right },
        { title: '→', align: right },
        { title: 'because of' },
      ],
      changed.map((c) => [
        c.scope,
        c.name,
        c.key,
        number(c.before?.weight ?? null),
        number(c.after?.weight ?? null),
        String(c.before?.n ?? 0),
        String(c.after?.n ?? 0),
        because(c),
      ]),
    ),
  )
  if (moved > changed.length) lines.push('', `… and ${moved - changed.length} more: --limit 0 prints all of them.`)
  lines.push('', `./strandline explain <name> <key> shows the trades.`)
  return lines
}

function because({ trades }: ChangedCoefficient): string {
  const [first] = trades
  if (!first) return 'the baseline alone'
  const name = `${first.symbol || first.position_id} ${first.partition}:${first.offset}`
  return trades.length === 1 ? name : `${name} and ${trades.length - 1} more`
}
