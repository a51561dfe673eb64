/** `strandline backfill`: the closed trades that the old system has, into the log. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { type Command, InvalidArgumentError } from 'commander'
import type { Clock } from '../core/clock.ts'
import { StrandlineError } from '../core/errors.ts'
import { parseTime } from '../domain/time.ts'
import { serviceRelay } from '../services/pm/index.ts'
import { type Backfilled, type BackfillStores, backfill, backfillStores } from '../services/pm/sources/backfill.ts'
import { backfillText, progressText, summaryOf } from './backfill-text.ts'
import { say } from './output.ts'
import { createProgress } from './progress.ts'
import { openStack } from './shared.ts'

interface Options {
  since?: number
  dryRun?: boolean
  json?: boolean
  dataDir?: string
}

/** Milliseconds: between two lines of progress; the relay may be away this long; between two looks at the outbox. */
const SAY_MS = 2_000
const AWAY_MS = 15_000
const LOOK_MS = 250

export function register(program: Command): void {
  program
    .command('backfill')
    .description(
      'Publish the closed trades of the past: those of old strands, and of lowcap_positions.completed_trades. Each counts once, however often this runs.',
    )
    .option('--since <time>', 'only trades that closed at or after this, e.g. 2026-01-31 or 2026-01-31T12:00:00Z', time)
    .option('--dry-run', 'count only: nothing is written, and no broker is needed')
    .option('--json', 'print one JSON object: {"summary"}')
    .option('--data-dir <dir>', 'the stack whose database it is')
    .addHelpText(
      'after',
      '\nIt may run beside a PM, and be broken off: run again, it goes on.\n\nExample:\n  ./strandline backfill --dry-run\n',
    )
    .action(run)
}

function time(value: string): number {
  const ms = parseTime(value)
  if (ms === null)
    throw new InvalidArgumentError('It must be a date (2026-01-31) or a time with its zone (2026-01-31T12:00:00Z).')
  return ms
}

async function run({ since, dryRun = false, json = false, dataDir }: Options): Promise<void> {
  const stack = await openStack({
    dataDir,
    needs: dryRun ? ['database'] : ['database', 'kafka', 'registry'],
    purpose: './strandline backfill',
  })
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  const stores = backfillStores(stack.store)
  const relay = dryRun ? undefined : serviceRelay(stack)
  try {
    const done = await read(stack.clock, { stores, since, dryRun, signal: stopping.signal })
    const waiting = done.done && relay ? await untilPublished(stores, stack.clock, relay, done, stopping.signal) : null
    const summary = summaryOf(done, { dryRun, since, waiting: waiting?.waiting ?? null })
    console.log(json ? JSON.stringify({ summary }) : backfillText(summary))
    if (!done.done)
      throw new StrandlineError('STILL_WAITING', 'The backfill was stopped.', {
        todo: 'Run ./strandline backfill again: it goes on from there.',
      })
    if (waiting && waiting.waiting > 0)
      throw new StrandlineError(
        'STILL_WAITING',
        `${trades(waiting.waiting)} in the outbox and not in the log yet: ${waiting.why}`,
        {
          todo: 'Start a PM, or run ./strandline backfill again, once that is mended.',
        },
      )
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, stop)
    await relay?.stop()
    await stack.close()
  }
}

const trades = (n: number) => (n === 1 ? '1 trade is' : `${n.toLocaleString('en')} trades are`)

async function read(
  clock: Clock,
  options: { stores: BackfillStores; since?: number; dryRun: boolean; signal: AbortSignal },
): Promise<Backfilled> {
  const progress = createProgress()
  let line = progressText(clock.now())
  let said = Number.NEGATIVE_INFINITY
  const done = await backfill({
    ...options,
    clock,
    owner: `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`,
    progress(state, sizes) {
      if (state.resumed && said === Number.NEGATIVE_INFINITY) say('Going on where the last backfill was broken off.')
      if (clock.now() - said < SAY_MS) return
      said = clock.now()
      progress(line(state, sizes, said))
    },
    again() {
      progress.end()
      say('Its end is reached. All is read once more, for what was added meanwhile behind where it stood.')
      line = progressText(clock.now())
    },
  })
  progress.end()
  return done
}

interface Waiting {
  waiting: number
  why: string
}

/** Until relays (ours, or those of running PMs) have published what the run took, or none of them can. */
async function untilPublished(
  { backfill: store }: BackfillStores,
  clock: Clock,
  relay: { failure(): string | undefined },
  { last_outbox }: Backfilled,
  signal: AbortSignal,
): Promise<Waiting> {
  const progress = createProgress()
  let awaySince: number | undefined
  for (let said = Number.NEGATIVE_INFINITY; ; ) {
    const { waiting, refused, error } = await store.waiting(last_outbox ?? 0)
    const failure = relay.failure()
    awaySince = failure === undefined ? undefined : (awaySince ?? clock.now())
    const given = waiting === 0 || waiting === refused || signal.aborted
    if (given || (awaySince !== undefined && clock.now() - awaySince >= AWAY_MS)) {
      progress.end()
      const why =
        waiting === refused ? `the log does not take them (${error}).` : (failure ?? 'this was stopped before.')
      return { waiting, why }
    }
    if (clock.now() - said >= SAY_MS) {
      said = clock.now()
      progress(
        `Everything is read. ${waiting.toLocaleString('en')}${waiting >= 100_000 ? ' or more' : ''} trades wait for the relay${error === null ? '' : `: ${error}`}`,
      )
    }
    await clock.sleep(LOOK_MS, signal)
  }
}
