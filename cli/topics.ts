/** `strandline topics`: creates the loop's topics on a cluster. */
import type { Command } from 'commander'
import { ensureLoopTopics } from '../core/log/loop-topics.ts'
import { POSITION_CLOSED } from '../domain/event-type.ts'
import { say } from './output.ts'
import { openStack } from './shared.ts'

export function register(program: Command): void {
  program
    .command('topics')
    .description(
      'Create the topics that are missing on the cluster, and check that an existing one keeps every record. `up` and the PM do this by themselves.',
    )
    .option('--data-dir <dir>', 'the running stack, where KAFKA_BROKERS is not set')
    .option('--json', 'print one JSON object: {"topics": [names]}')
    .addHelpText(
      'after',
      `
STRANDLINE_TOPIC (${POSITION_CLOSED.topic}), STRANDLINE_DEAD_LETTER_TOPIC and STRANDLINE_PARTITIONS (6) say which.

Example:
  KAFKA_BROKERS=127.0.0.1:19092 STRANDLINE_PARTITIONS=12 ./strandline topics
`,
    )
    .action(async ({ dataDir, json }: { dataDir?: string; json?: boolean }) => {
      const stack = await openStack({ dataDir, needs: ['kafka'] })
      try {
        const topics = await ensureLoopTopics(stack.log, stack.loop, stack.logger)
        if (json) console.log(JSON.stringify({ topics }))
        else say(`There are the topics ${topics.join(' and ')}.`)
      } finally {
        await stack.close()
      }
    })
}
