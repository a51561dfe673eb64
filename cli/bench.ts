/** `strandline bench`: how fast it is on this machine, beside a bare reader and Kafka Streams. */
import { type Command, Option } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { wholeNumber } from './numbers.ts'
import { say } from './output.ts'

interface Options {
  events: number
  partitions: number
  rounds: number
  headers?: boolean
  ledgerRows: number
  only?: 'throughput' | 'latency' | 'memory' | 'ledger'
  json?: boolean
  keep?: boolean
}

export function register(program: Command): void {
  program
    .command('bench')
    .description(
      'Measure throughput beside a bare reader and Kafka Streams, latency, memory and the cost of a long ledger, on engines of its own that are removed afterwards.',
    )
    .option(
      '--events <n>',
      'events of each topic: one with few distinct interactions, one with nearly all distinct',
      wholeNumber,
      1_000_000,
    )
    .option('--partitions <n>', 'partitions of each topic', wholeNumber, 6)
    .option('--rounds <n>', 'rounds of which the median counts', wholeNumber, 3)
    .option('--headers', 'write the CloudEvents headers that the PM writes')
    .option('--ledger-rows <n>', 'rows of the long ledger; the short one has 100,000', wholeNumber, 10_000_000)
    .addOption(new Option('--only <part>', 'one part of it').choices(['throughput', 'latency', 'memory', 'ledger']))
    .option('--json', 'print one JSON object: machine, options, throughput, latency, memory, ledger, aims')
    .option('--keep', 'leave the data folder, and say where it is')
    .addHelpText(
      'after',
      `
Half an hour and 15 GB of disk as it is (in TMPDIR); Kafka Streams needs a JDK. What each row means: bench/README.md.

Examples:
  ./strandline bench
  ./strandline bench --only throughput --events 200000 --rounds 1
  ./strandline bench --json > result.json
`,
    )
    .action(run)
}

async function run({
  events,
  partitions,
  rounds,
  headers = false,
  ledgerRows,
  only,
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
  const [{ startBench }, { reportText }] = await Promise.all([
    import('../bench/bench.ts'),
    import('../bench/report.ts'),
  ])
  const started = performance.now()
  const bench = await startBench({
    events,
    partitions,
    rounds,
    headers,
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
  } catch (error) {
    if (!interrupted) throw error
  }
  if (interrupted) await new Promise(() => {}) // the signal's handler ends the process
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
}
