/** `strandline topics`: creates the loop's topics on a cluster. */
import type { Command } from 'commander'
import { explain, findStrandlineError } from '../core/errors.ts'
import { ensureLoopTopics } from '../core/log/loop-topics.ts'
import { isLostTopic } from '../core/log/lost-topic.ts'
import type { Need } from '../core/stack/layout.ts'
import { createOutbox } from '../core/store/outbox-store.ts'
import { POSITION_CLOSED } from '../domain/event-type.ts'
import { say } from './output.ts'
import { type OpenStack, openStack, stackRuns } from './shared.ts'

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
      // in a folder whose stack is stopped the database says whether a topic was lost
      const needs: Need[] = stackRuns({ dataDir, needs: ['kafka'] }) ? ['kafka'] : ['kafka', 'database']
      const stack = await openStack({ dataDir, needs })
      try {
        const lost = await lostTopic(stack)
        const topics = await ensureLoopTopics(stack.log, stack.loop, stack.logger)
        if (lost) say(lost)
        if (json) console.log(JSON.stringify({ topics }))
        else say(`There are the topics ${topics.join(' and ')}.`)
      } finally {
        await stack.close()
      }
    })
}

/** What somebody has to know who makes a topic in place of one that consumers of the database have read, where a database is named; null: nothing. */
async function lostTopic(stack: OpenStack): Promise<string | null> {
  const { topic } = stack.loop
  try {
    if (!(await isLostTopic(stack.log, createOutbox(stack.store, '', 0), topic))) return null
    return `The topic ${topic} was not there, though consumers of this database have read one of that name. The new one is empty and is not the one that they know: see docs/operations.md, "The topic is lost".`
  } catch (error) {
    const code = findStrandlineError(error)?.code
    if (code === 'CONFIG_INVALID') return null // no database is named
    if (!code?.startsWith('STORE_')) throw error
    return `Whether consumers of the database have read the topic ${topic} before is not known: ${explain(error)}`
  }
}
