/** A verdict for a person: the sentence first, then what it rests on. */
import type { Interval } from '../domain/verdict/statistics.ts'
import type { ModelVerdict, Verdict } from '../domain/verdict/verdict.ts'
import { number, table } from './table.ts'

const right = 'right' as const

export function verdictText({ sentence, models, caveats }: Verdict): string {
  const told = models.filter((m) => m.outcome)
  const untold = models.filter((m) => !m.outcome)
  return [
    sentence,
    ...(told.length > 0 ? ['', ...sizesTable(told), '', ...evidenceTable(told)] : []),
    ...told.flatMap((m) => ['', ...calibrationTable(m)]),
    ...untold.map((m) => `\n${m.name}: no two trades have its outcome (${m.learns}).`),
    '',
    ...caveats.map((caveat) => `- ${caveat}`),
  ].join('\n')
}

/** What was won or lost beyond equal sizes. */
function sizesTable(models: readonly ModelVerdict[]): string[] {
  return [
    'Beyond equal sizes, for each unit staked (95 % of days drawn anew):',
    ...table(
      [
        { title: 'model' },
        { title: 'learns' },
        { title: 'trades', align: right },
        { title: 'outcome', align: right },
        { title: 'net return', align: right },
        { title: 'verdict' },
      ],
      models.map((m) => [
        m.name,
        m.learns,
        String(m.trades),
        interval(m.outcome, m.learns),
        interval(m.net, 'net_return'),
        m.verdict,
      ]),
    ),
  ]
}

function evidenceTable(models: readonly ModelVerdict[]): string[] {
  return table(
    [
      { title: 'model' },
      { title: 'p', align: right },
      { title: 'adjusted', align: right },
      { title: 'rank', align: right },
      { title: 'bets', align: right },
      { title: 'largest', align: right },
      { title: 'could show', align: right },
      { title: 'trades needed', align: right },
    ],
    models.map((m) => [
      m.name,
      number(m.p),
      number(m.p_adjusted),
      number(m.spearman),
      m.kish === null ? '–' : `${number(m.kish * 100, 0)} %`,
      `× ${number(m.largest, 1)}`,
      amount(m.detectable, m.learns),
      m.trades_needed === null ? '–' : String(m.trades_needed),
    ]),
  )
}

/** A model that knows something has larger outcomes where it bets more. */
function calibrationTable({ name, learns, calibration }: ModelVerdict): string[] {
  return [
    `${name}, from its smallest bets to its largest:`,
    ...table(
      [
        { title: 'size', align: right },
        { title: 'expected', align: right },
        { title: 'outcome', align: right },
        { title: 'trades', align: right },
      ],
      calibration.map((b) => [
        `× ${number(b.multiplier)}`,
        amount(b.expected, learns),
        interval({ mean: b.outcome, low: b.low, high: b.high }, learns),
        String(b.n),
      ]),
    ),
  ]
}

const isRatio = (learns: string) => learns === 'return' || learns === 'net_return'

function amount(value: number | null, learns: string): string {
  if (value === null) return '–'
  return isRatio(learns) ? `${number(value * 100)} %` : number(value)
}

const interval = (found: Interval | null, learns: string): string =>
  found === null ? '–' : `${amount(found.mean, learns)} [${amount(found.low, learns)}, ${amount(found.high, learns)}]`
