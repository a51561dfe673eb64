/** What a person reads: the figures, the aims, and where the time goes. 80 columns. Pure. */
import { type Column, table } from '../cli/table.ts'
import { MIB } from './aims.ts'
import type { BenchResult } from './bench.ts'
import { type BenchOptions, CONTENDERS, type Contender } from './context.ts'
import { CARDINALITIES, TITLES } from './figures.ts'
import type { Cardinality } from './generate.ts'
import type { LatencyResult } from './latency.ts'
import type { LedgerResult } from './ledger.ts'
import type { PageTimes } from './page.ts'
import { total } from './rate.ts'
import type { ReplayResult } from './replay.ts'
import { usedShare } from './stages.ts'
import { amount, spread } from './statistics.ts'
import type { ThroughputResult } from './throughput.ts'

const FUNCTIONS = 8
const WIDTH = 80

export function reportText(result: BenchResult): string {
  const { throughput, latency, memory, ledger, replay, options } = result
  return [
    headText(result),
    throughput && ratesText(throughput),
    throughput && processesText(throughput),
    throughput?.stages && stagesText(throughput.stages),
    throughput && databaseText(throughput, options.events),
    throughput && functionsText(throughput, options.events),
    latency && latencyText(latency, options.store),
    memory && memoryText(memory),
    ledger && ledgerText(ledger),
    replay && replayText(replay),
    aimsText(result),
  ]
    .filter(Boolean)
    .join('\n\n')
}

const right = (...titles: string[]): Column[] => titles.map((title) => ({ title, align: 'right' }))
const lines = (first: string, numbers: string[], rows: string[][]) =>
  table([{ title: first }, ...right(...numbers)], rows, WIDTH).join('\n')
const both = (of: (cardinality: Cardinality) => number | null | undefined): string[] =>
  CARDINALITIES.map((c) => amount(of(c) ?? Number.NaN))
const perEvent = (seconds: number, events: number) => amount((seconds / events) * 1e6)

function headText({ machine, options, throughput }: BenchResult): string {
  const rounds = `${options.rounds} ${options.rounds === 1 ? 'round' : 'rounds'}`
  const headers = options.headers ? ', with CloudEvents headers' : ''
  const size = `: ${amount(options.events)} events, ${options.partitions} partitions, ${rounds}${headers}`
  return [
    `Strandline's benchmark${throughput ? size : ''}`,
    `${machine.cpus} × ${machine.cpu}, ${amount(machine.memory_gib)} GiB, ${machine.system}`,
    `Node ${machine.node}, PostgreSQL ${machine.postgres}, Kafka ${machine.kafka}, Java ${machine.java}`,
  ].join('\n')
}

function ratesText({ rates, streams_missing, value_bytes }: ThroughputResult): string {
  const rows = measured(rates).map(([name, rate]) => [
    `  ${TITLES[name]}`,
    ...CARDINALITIES.flatMap((c) => [amount(rate[c].events_per_s), spread(rate[c].rounds)]),
  ])
  return [
    lines('Events a second, from the log', ['few', '', 'distinct', ''], rows),
    `  a record's value has ${amount(value_bytes)} bytes`,
    ...(streams_missing ? [`  ${streams_missing}`] : []),
  ].join('\n')
}

const measured = (rates: ThroughputResult['rates']) =>
  CONTENDERS.flatMap((name): [Contender, NonNullable<(typeof rates)[Contender]>][] => {
    const rate = rates[name]
    return rate ? [[name, rate]] : []
  })

/** The process itself, and those that work for it. */
const ENGINES = ['postgres', 'lite', 'kafka']

function processesText({ rates }: ThroughputResult): string {
  const rows = measured(rates).flatMap(([name, rate]) =>
    CARDINALITIES.map((c) => {
      const { cpu_us_per_event: cpu, wal_bytes_per_event } = rate[c]
      const itself = Object.keys(cpu).find((process) => !ENGINES.includes(process)) as string
      const us = (value: number | null | undefined) => (value === undefined ? '' : amount(value ?? Number.NaN))
      return [
        `  ${name}`,
        c,
        us(total(cpu)),
        us(cpu[itself]),
        ...ENGINES.map((process) => us(cpu[process])),
        wal_bytes_per_event === undefined ? '' : amount(wal_bytes_per_event),
      ]
    }),
  )
  return table(
    [{ title: 'Processor, µs an event' }, { title: '' }, ...right('all', 'itself', ...ENGINES, 'WAL B')],
    rows,
    WIDTH,
  ).join('\n')
}

function stagesText(stages: NonNullable<ThroughputResult['stages']>): string {
  const names = [...new Set(CARDINALITIES.flatMap((c) => Object.keys(stages[c])))]
  return lines(
    "The learner's process by stage, µs an event",
    CARDINALITIES,
    names.map((name) => [`  ${name}`, ...both((c) => stages[c][name])]),
  )
}

function databaseText({ profile }: ThroughputResult, events: number): string {
  if (!profile) return ''
  return CARDINALITIES.map((c) =>
    lines(
      `In PostgreSQL's functions, ${c}`,
      ['µs an event', 'calls'],
      profile[c].sql.map((f) => [`  ${f.name}`, perEvent(f.seconds, events), String(f.calls)]),
    ),
  ).join('\n\n')
}

function functionsText({ profile }: ThroughputResult, events: number): string {
  if (!profile) return ''
  return CARDINALITIES.map((c) => {
    const rows = profile[c].learner.functions
      .slice(0, FUNCTIONS)
      .map((f) => [perEvent(f.seconds * usedShare(profile[c]), events), f.name, f.place])
    const columns = [...right('µs an event'), { title: 'function' }, { title: 'where' }]
    return [`The learner's functions, ${c}`, ...table(columns, rows, WIDTH)].join('\n')
  }).join('\n\n')
}

function latencyText(latency: LatencyResult, store: BenchOptions['store']): string {
  const rates = Object.entries(latency)
  const row = (title: string, of: (one: LatencyResult[number]) => number | null | undefined) => [
    `  ${title}`,
    ...rates.map(([, one]) => amount(of(one) ?? Number.NaN)),
  ]
  const processes = [...new Set(rates.flatMap(([, one]) => Object.keys(one.processes)))]
  return lines(
    `Close → coefficient${store === 'postgrest' ? ' (PostgREST)' : ''}, at closes a second`,
    rates.map(([rate]) => rate),
    [
      row('reported to coefficient committed, ms, p50', (one) => one.p50),
      row('the same, p99', (one) => one.p99),
      row('reported to position closed, ms, p50', (one) => one.closed.p50),
      row('the same, p99', (one) => one.closed.p99),
      row('processor a close, ms', (one) => one.cpu_ms_per_close),
      ...processes.map((process) => row(`  ${process}`, (one) => one.processes[process])),
      row('transactions a close', (one) => one.transactions_per_close),
      row('WAL bytes a close', (one) => one.wal_bytes_per_close),
    ],
  )
}

const memoryText = (memory: NonNullable<BenchResult['memory']>) =>
  lines('Peak resident memory, MiB', Object.keys(memory), [
    ['  learner', ...Object.values(memory).map((bytes) => amount(bytes / MIB))],
  ])

function ledgerText({ sizes, event, correction, old_left, ratio }: LedgerResult): string {
  const row = (title: string, cost: LedgerResult['event'], times: number) => [
    `  ${title}`,
    ...cost.map((c) => amount(c.p50)),
    `${amount(times)} ×`,
  ]
  return lines(
    'A transaction of one event, ms',
    [...sizes.map((s) => `${amount(s.rows)} rows`), 'long / short'],
    [
      ['  (topic written and learned in, s)', ...sizes.map((s) => amount(s.seconds))],
      row('one event', event, ratio.event),
      row('one correction', correction, ratio.correction),
      row('one that leaves only an old trade', old_left, ratio.old_left),
    ],
  )
}

const PAGE: Record<keyof PageTimes['seconds'], string> = {
  ready: 'the page, from its start until it can answer',
  loop: '  its first view',
  coefficients_first: '  the first look at what is learned',
  as_of_first: '  the first look at a past moment',
  coefficients: '  what is learned, again',
  interactions: '  a page of all interactions, by weight',
  as_of: '  another past moment',
  coefficient: '  how one coefficient went',
}

const ASKED: Record<keyof ReplayResult['seconds'], string> = {
  verify: 'verify: the log folded again, every sum compared',
  read: 'the history read from the log, and cached',
  open: 'the history opened from its cache',
  as_of: '  all coefficients of a moment',
  explain: '  the largest shares of a third of all trades',
  history: '  how it went, in 200 points',
  diff: '  what moved between two moments',
  verdict: 'the verdict on 10,000 trades by three models',
}

function replayText({ events, coefficients, identical, seconds, page }: ReplayResult): string {
  const rows = Object.entries(ASKED).map(([what, text]) => [
    `  ${text}`,
    amount(seconds[what as keyof ReplayResult['seconds']]),
  ])
  const looked = Object.entries(PAGE).map(([what, text]) => [
    `  ${text}`,
    amount(page.seconds[what as keyof PageTimes['seconds']]),
  ])
  const compared = `${identical} of ${coefficients} coefficients the same to the last bit`
  return `${lines(`Asking a log of ${amount(events)} events, s`, ['now'], [...rows, ...looked])}\n  (${compared}; the first view ${amount(page.first_view_bytes / 1024)} KiB, the page ${amount(page.memory / MIB)} MiB)`
}

function aimsText({ aims }: BenchResult): string {
  if (aims.length === 0) return ''
  const said = (reached: boolean | null) => (reached === null ? '' : reached ? 'reached' : 'MISSED')
  return table(
    [{ title: 'Aims' }, ...right('aim', 'now'), { title: '' }],
    aims.map((a) => [`  ${a.name}`, a.wanted, amount(a.value ?? Number.NaN), said(a.reached)]),
    WIDTH,
  ).join('\n')
}
