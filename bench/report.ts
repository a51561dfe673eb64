/** The one table, and below it where the time goes. Pure. */
import { table } from '../cli/table.ts'
import { type Aim, MIB } from './aims.ts'
import type { BenchResult } from './bench.ts'
import type { LedgerResult } from './ledger/ledger.ts'
import type { RunProfile } from './measurement.ts'
import { amount, spread } from './statistics.ts'
import type { Contender, Rate, ThroughputResult } from './throughput.ts'

type Row = string[]

const CONTENDERS: [Contender, string][] = [
  ['reader', 'reader: fetch and decode, nothing else'],
  ['learner', 'learner: committed in PostgreSQL'],
  ['streams', 'Kafka Streams, exactly_once_v2'],
  ['streams_second', '… committing every second, not every 100 ms'],
  ['streams_local', '… and without repartitioning'],
]

export function reportText(result: BenchResult): string {
  const { machine, options, throughput, latency, memory, ledger, aims } = result
  const rows: Row[] = []
  const section = (title: string, first: string, second: string) => {
    if (rows.length > 0) rows.push([''])
    rows.push([title, first, second, '', ''])
  }
  if (throughput) {
    section('Events a second, from the log', 'few', 'distinct')
    rows.push(...throughputRows(throughput, aims))
  }
  if (latency) {
    section(`Close → coefficient, ${latency.per_second} closes a second`, 'p50', 'p99')
    const ms = (p: { p50: number; p99: number }) => [`${amount(p.p50)} ms`, `${amount(p.p99)} ms`]
    rows.push([
      '  exit reported to coefficient committed',
      ...ms(latency.close_to_coefficient),
      ...verdict(aims, 'close →'),
    ])
    rows.push(['  of which: exit reported to position closed', ...ms(latency.close_committed), '', ''])
  }
  if (memory) {
    section('Peak resident memory', 'few', 'distinct')
    const size = (bytes: number | undefined) => (bytes ? `${amount(bytes / MIB)} MiB` : '–')
    rows.push(['  learner', size(memory.few), size(memory.distinct), ...verdict(aims, "the learner's")])
  }
  if (ledger) rows.push(...(rows.length > 0 ? [['']] : []), ...ledgerRows(ledger, aims))
  const head = [
    `Strandline's benchmark: ${amount(options.events)} events, ${options.partitions} partitions, ${options.rounds} rounds${options.headers ? ', with CloudEvents headers' : ''}`,
    `${machine.cpus} × ${machine.cpu}, ${amount(machine.memory_gib)} GiB, ${machine.system}; Node ${machine.node}, PostgreSQL ${machine.postgres}, Kafka ${machine.kafka}, Java ${machine.java}`,
    '',
  ]
  const columns = [{ title: '' }, ...['', '', ''].map((title) => ({ title, align: 'right' as const })), { title: '' }]
  return [
    ...head,
    ...table(columns, rows).slice(1),
    ...(throughput?.streams_missing ? ['', throughput.streams_missing] : []),
    ...(latency ? ['', `Processor seconds of ${amount(latency.closes)} closes: ${cpuText(latency.cpu_s)}`] : []),
    ...(throughput ? ['', ...profileText(throughput, options.events)] : []),
  ].join('\n')
}

function throughputRows({ rates }: ThroughputResult, aims: Aim[]): Row[] {
  const rows: Row[] = []
  for (const [name, title] of CONTENDERS) {
    const rate = rates[name]
    if (rate) rows.push([`  ${title}`, amount(rate.few.events_per_s), amount(rate.distinct.events_per_s), '', ''])
  }
  const { learner } = rates
  for (const [to, title] of [
    ['streams', 'learner / Kafka Streams'],
    ['streams_second', '… committing every second'],
    ['streams_local', '… and without repartitioning'],
    ['reader', 'learner / reader'],
  ] as const) {
    const other = rates[to]
    if (!learner || !other) continue
    const of = (c: 'few' | 'distinct') => `${amount(learner[c].events_per_s / other[c].events_per_s)} ×`
    const mine = aims.filter((a) => a.name.startsWith(`${title},`))
    rows.push([
      `  ${title}`,
      of('few'),
      of('distinct'),
      mine.map((a) => a.wanted).join(', '),
      mine.map((a) => said(a)).join(', '),
    ])
  }
  return rows
}

function ledgerRows({ sizes, event, correction, old_left, ratio }: LedgerResult, aims: Aim[]): Row[] {
  const [short, long] = sizes.map((s) => `${s.rows.toLocaleString('en')} rows`)
  const row = (title: string, cost: LedgerResult['event'], times: number, ...rest: string[]) => [
    `  ${title}`,
    ...cost.map((c) => `${amount(c.p50)} ms`),
    `${amount(times)} ×${rest[0] ? `, aim ${rest[0]}` : ''}`,
    rest[1] ?? '',
  ]
  return [
    ['Cost of one event in a transaction of its own', short!, long!, '', ''],
    row('one event', event, ratio.event, ...verdict(aims, 'one event')),
    row('one correction', correction, ratio.correction),
    row('one correction that leaves only an old trade', old_left, ratio.old_left),
  ]
}

const cpuText = (cpu: Record<string, number | null>) =>
  Object.entries(cpu)
    .map(([process, s]) => `${process} ${s === null ? '–' : amount(s)}`)
    .join(', ')

const said = ({ reached }: Aim) => (reached === null ? 'not measured' : reached ? 'reached' : 'MISSED')

function verdict(aims: Aim[], start: string): [string, string] {
  const aim = aims.find((a) => a.name.startsWith(start))
  return aim ? [aim.wanted, said(aim)] : ['', '']
}

/** Rounds and processor seconds of each contender, and the learner's profile. */
function profileText({ rates, profile, value_bytes }: ThroughputResult, events: number): string[] {
  const rows: Row[] = []
  const perEvent = (cpu: Record<string, number | null>) => {
    const sum = Object.values(cpu).reduce<number>((all, s) => all + (s ?? Number.NaN), 0)
    return amount((sum / events) * 1e6)
  }
  for (const [name] of CONTENDERS)
    for (const cardinality of ['few', 'distinct'] as const) {
      const rate: Rate | undefined = rates[name]?.[cardinality]
      if (!rate) continue
      rows.push([name, cardinality, spread(rate.rounds), perEvent(rate.cpu_s), cpuText(rate.cpu_s)])
    }
  return [
    `Where the time goes (a record's value has ${amount(value_bytes)} bytes)`,
    '',
    ...table(
      [
        { title: '' },
        { title: '' },
        { title: 'events/s of the rounds' },
        { title: 'µs an event', align: 'right' },
        { title: 'processor seconds' },
      ],
      rows,
    ),
    ...(['few', 'distinct'] as const).flatMap((c) => ['', ...runText(c, profile[c])]),
  ]
}

function runText(cardinality: string, { learner, lite, sql }: RunProfile): string[] {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`
  const columns = [{ title: '  self time', align: 'right' as const }, { title: 'function' }, { title: 'where' }]
  const busy = lite.groups.filter((g) => g.group !== 'idle').reduce((sum, g) => sum + g.share, 0)
  return [
    `Learner, ${cardinality}: ${amount(learner.seconds)} s of its main thread (one more run, with V8's CPU profiler on)`,
    `  ${learner.groups.map((g) => `${g.group} ${percent(g.share)}`).join(', ')}`,
    ...table(
      [...columns, { title: 'group' }],
      learner.functions.map((f) => [percent(f.share), f.name, f.place, f.group]),
    ).map((line) => `  ${line}`),
    `  lite meanwhile: busy ${percent(busy)} of the time; ${lite.functions
      .slice(0, 6)
      .map((f) => `${f.name} ${f.place} ${percent(f.share)}`)
      .join(', ')}`,
    `  in PostgreSQL's functions: ${sql.map((f) => `${f.name} ${amount(f.seconds)} s (${f.calls} calls)`).join(', ')}`,
  ]
}
