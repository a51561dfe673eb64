/** `strandline lag`: how far each consumer is behind the log, and who holds what. */
import type { Command } from 'commander'
import { explain } from '../core/errors.ts'
import { createLagStore } from '../core/lag/lag-store.ts'
import { readLag } from '../core/lag/read-lag.ts'
import { POSITION_CLOSED } from '../domain/event-type.ts'
import { lagText } from './lag-text.ts'
import { unread } from './output.ts'
import { type OpenStack, openStack } from './shared.ts'
import { screenful } from './table.ts'

interface Options {
  watch?: boolean
  json?: boolean
  dataDir?: string
}

const REDRAW_MS = 2_000
const CLEAR = '\x1b[H\x1b[2J'

export function register(program: Command): void {
  program
    .command('lag')
    .description(
      "Print each consumer's lag by partition: the log's start and end, the group's offset, the database's checkpoint, records and time behind, dead letters, who holds it.",
    )
    .option('--watch', 'draw it again every two seconds, until Ctrl-C')
    .option('--json', 'print one JSON object: {"topic", "at", "groups": [{"group", "lag_records", "partitions", …}]}')
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      `
What counts is the database's checkpoint: what lies below it is applied. The group's offset follows it, for Redpanda Console, Burrow and kcat.

Examples:
  ./strandline lag --watch
  ./strandline lag --json | jq '.groups[] | {group, lag_records, lag_seconds}'
`,
    )
    .action(async ({ watch, json, dataDir }: Options) => {
      const stack = await openStack({ dataDir, needs: ['database', 'kafka'] })
      try {
        if (watch) await redraw(stack, json === true)
        else await draw(stack, json === true)
      } finally {
        await stack.close()
      }
    })
}

/** The registry is not asked for anything here, so it need not be known. */
const topicOf = (stack: OpenStack) => stack.env.STRANDLINE_TOPIC?.trim() || POSITION_CLOSED.topic

async function draw(stack: OpenStack, json: boolean, before = ''): Promise<void> {
  const report = await readLag({ ...stack, lag: createLagStore(stack.store) }, topicOf(stack))
  const text = json ? JSON.stringify(report) : lagText(report)
  console.log(before === '' || json ? text : before + screenful(text, process.stdout))
}

/** Goes on while an engine is away: that is when one watches. */
async function redraw(stack: OpenStack, json: boolean): Promise<void> {
  const asked = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => asked.abort())
  const ending = AbortSignal.any([asked.signal, unread])
  const before = process.stdout.isTTY ? CLEAR : ''
  while (!ending.aborted) {
    await draw(stack, json, before).catch((error) => console.error(explain(error)))
    await stack.clock.sleep(REDRAW_MS, ending)
  }
}
