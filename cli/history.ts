/** `strandline history`: how a coefficient went over time. */
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { historyAnswer } from '../replay/answers.ts'
import type { Point } from '../replay/course.ts'
import { chart } from './chart.ts'
import { pairHeading } from './coefficients-text.ts'
import { answeringLines } from './explain-text.ts'
import { type MomentOptions, momentOptions, momentText, namesMoment } from './moment.ts'
import { wholeNumber } from './numbers.ts'
import { withHistory } from './open-log.ts'
import { type OutcomeText, outcomeText } from './outcome-text.ts'
import { number, table } from './table.ts'

interface Options extends MomentOptions {
  model?: string
  points: number
  csv?: boolean
  json?: boolean
  dataDir?: string
}

const POINTS = 200
/** Rows of the table below the chart. */
const LAST = 10

export function register(program: Command): void {
  const command = program
    .command('history')
    .description(
      'Draw how a coefficient went: its weight, what its trades came to (R/R, or whatever else the model learns) and their number, after each of its trades.',
    )
    .argument('<name>', "a lever's name, an interaction's name, an interaction's key, or: baseline")
    .argument('[value]', "the lever's value, or the interaction's key")
    .option('--points <n>', 'so many points at most, evenly chosen; 0: one for each trade', wholeNumber, POINTS)
    .option('--model <name>', 'of this model (default: the active one)')
  momentOptions(command)
    .option('--json', 'print one JSON object: {"points": [{"at", "weight", "rr_short", "rr_long", "n"}]}')
    .option('--csv', 'print the points as CSV')
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText('after', '\nExample:\n  ./strandline history curator 0xdetweiler\n')
    .action(async (name: string, value: string | undefined, options: Options) => {
      if (options.csv && options.json)
        throw new StrandlineError('USAGE', 'Both --csv and --json were given.', { todo: 'Give one of them.' })
      namesMoment(options)
      await withHistory(options, (opened) => {
        const answer = historyAnswer(opened, { name, key: value }, options, options.points)
        const { model, target, points } = answer
        if (options.json) console.log(JSON.stringify(answer))
        else if (options.csv) console.log(csv(points))
        else {
          const isBaseline = target.scope === 'global'
          const what = isBaseline ? 'baseline' : `${target.name} ${target.key}`
          console.log(
            [
              ...answeringLines(model, momentText(options)),
              ...historyText(what, isBaseline, points, outcomeText(model.outcome)),
            ].join('\n'),
          )
        }
      })
    })
}

function csv(points: Point[]): string {
  const rows = points.map((p) => [p.at, p.weight, p.rr_short, p.rr_long, p.n].join(','))
  return ['at,weight,rr_short,rr_long,n', ...rows].join('\n')
}

function historyText(what: string, isBaseline: boolean, points: Point[], outcome: OutcomeText): string[] {
  const first = points[0]
  const last = points.at(-1)
  if (!first || !last) return [`${what}: no trade counts in it.`]
  const day = (p: Point) => p.at.slice(0, 10)
  const right = 'right' as const
  const drawn = (title: string, which: 'rr_short' | 'weight', label: (y: number) => string) => [
    title,
    ...chart(
      points.map((p) => ({ x: Date.parse(p.at), y: p[which] })),
      { label },
    ),
  ]
  return [
    `${what}: ${day(first)} to ${day(last)}, ${last.n} trades`,
    ...drawn(`${outcome.title} over the last weeks (τ 14 d)`, 'rr_short', outcome.value),
    ...(isBaseline ? [] : drawn('weight', 'weight', number)),
    '',
    ...table(
      [
        { title: 'after the exit of' },
        { title: 'weight', align: right },
        { title: pairHeading(outcome, 'short'), align: right },
        { title: pairHeading(outcome, 'long'), align: right },
        { title: 'n', align: right },
      ],
      points
        .slice(-LAST)
        .map((p) => [
          p.at.slice(0, 16).replace('T', ' '),
          number(p.weight),
          outcome.cell(p.rr_short),
          outcome.cell(p.rr_long),
          String(p.n),
        ]),
    ),
  ]
}
