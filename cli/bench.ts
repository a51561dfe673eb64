/** `strandline bench`: how fast it is on this machine, beside a bare reader and Kafka Streams. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Contender, Section } from '../bench/context.ts'
import { StrandlineError } from '../core/errors.ts'
import { wholeNumber } from './numbers.ts'
import { say } from './output.ts'

/** Named here as well: an image has no bench/, and this file is loaded with every command. */
const CONTENDERS = namesOf<Contender>({
  reader: true,
  learner: true,
  learner_postgrest: true,
  streams: true,
  streams_second: true,
  streams_local: true,
})
const SECTIONS = namesOf<Section>({ throughput: true, latency: true, memory: true, ledger: true, replay: true })

function namesOf<Name extends string>(all: Record<Name, true>): Name[] {
  return Object.keys(all) as Name[]
}

interface Options {
  events: number
  partitions: number
  rounds: number
  contenders: Contender[]
  rates: number[]
  headers?: boolean
  ledgerRows: number
  only?: Section
  compare?: string
  json?: boolean
  keep?: boolean
}

export function register(program: Command): void {
  program
    .command('bench')
    .description(
      'Measure throughput beside a bare reader and Kafka Streams, latency, memory, the cost of a long ledger and how long answers from the log take, on engines of its own that are removed afterwards.',
    )
    .option(
      '--events <n>',
      'events of each topic: one with few distinct interactions, one with nearly all distinct',
      wholeNumber,
      1_000_000,
    )
    .option('--partitions <n>', 'partitions of each topic', wholeNumber, 6)
    .option('--rounds <n>', 'rounds of which the median counts', wholeNumber, 3)
    .option('--contenders <names>', `whose throughput: of ${CONTENDERS.join(', ')}`, contenderList, [...CONTENDERS])
    .option('--rates <list>', 'closes a second of the latency, one after the other', rateList, [10, 100, 200])
    .option('--headers', 'write the CloudEvents headers that the PM writes')
    .option('--ledger-rows <n>', 'trades of the long ledger; the short one has 100,000', wholeNumber, 10_000_000)
    .addOption(new Option('--only <part>', 'one part of it').choices(SECTIONS))
    .option('--compare <file>', 'what changed since that result of --json')
    .option('--json', 'print one JSON object: machine, options, throughput, latency, memory, ledger, replay, aims')
    .option('--keep', 'leave the data folder, and say where it is')
    .addHelpText(
      'after',
      `
An hour and 26 GB of disk as it is (in TMPDIR); Kafka Streams needs a JDK. What each row means: bench/README.md.

Examples:
  ./strandline bench --json > result.json
  ./strandline bench --only throughput --contenders reader,learner --events 200000 --rounds 1
  ./strandline bench --only latency --rates 100 --compare result.json
`,
    )
    .action(run)
}

function contenderList(text: string): Contender[] {
  const names = listed(text)
  const unknown = names.find((name) => !(CONTENDERS as readonly string[]).includes(name))
  if (unknown !== undefined)
    throw new InvalidArgumentError(`'${unknown}' is none. Use some of ${CONTENDERS.join(',')}.`)
  return CONTENDERS.filter((name) => names.includes(name))
}

function rateList(text: string): number[] {
  const rates = [...new Set(listed(text).map(wholeNumber))].sort((a, b) => a - b)
  if (rates.length === 0 || rates.includes(0)) throw new InvalidArgumentError('Write numbers like 10,100,200.')
  return rates
}

const listed = (text: string) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)

async function run({
  events,
  partitions,
  rounds,
  contenders,
  rates,
  headers = false,
  ledgerRows,
  only,
  compare,
  json,
  keep = false,
}: Options): Promise<void> {
  if (events < 1_000 || partitions < 1 || rounds < 1 || ledgerRows < 1_000)
    throw new StrandlineError(
      'USAGE',
      '--events and --ledger-rows must be at least 1,000, --partitions and --rounds at least 1.',
      {
        todo: 'Try --events 100000.',
      },
    )
  // what it needs is not needed by any other command
  const [{ startBench }, { reportText }, { compareText, readResult }] = await Promise.all([
    import('../bench/bench.ts'),
    import('../bench/report.ts'),
    import('../bench/compare.ts'),
  ])
  const old = compare === undefined ? undefined : await readResult(compare)
  const started = performance.now()
  const bench = await startBench({
    events,
    partitions,
    rounds,
    headers,
    contenders,
    rates,
    store: process.env.STRANDLINE_STORE === 'postgrest' ? 'postgrest' : 'direct',
    ledgerRows: [Math.min(100_000, ledgerRows), ledgerRows],
    only,
    keep,
    progress: (text) => say(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${text}`),
  })
  let interrupted = false
  const interrupt = () => {
    if (interrupted) process.exit(130)
    interrupted = true
    say('Stopping ...')
    bench.stop().finally(() => process.exit(130))
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  try {
    const result = await bench.result
    console.log(json ? JSON.stringify(result) : reportText(result))
    // beside --json it must not get into the JSON
    if (old) (json ? say : console.log)(`\n${compareText(old, result)}`)
  } catch (error) {
    if (!interrupted) throw error
  }
  if (interrupted) await new Promise(() => {}) // the signal's handler ends the process
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
}
