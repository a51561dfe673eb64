/** The log is the truth, so nothing may be taken out of it: a topic that forgets (retention, compaction) is not accepted unasked. */
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { StrandlineError } from '../errors.ts'
import type { EventLog } from './log.ts'

type Settings = Record<string, string>

/** What must be as it is made by us, and what makes it so. */
const WANTED: { name: string; wrong: (value: string) => boolean; right: string; why: string }[] = [
  { name: 'retention.ms', wrong: limited, right: '-1', why: 'records are deleted when they are that old (ms)' },
  {
    name: 'retention.bytes',
    wrong: limited,
    right: '-1',
    why: 'records are deleted when a partition has so many bytes',
  },
  {
    name: 'cleanup.policy',
    wrong: (value) => value.includes('compact'),
    right: 'delete',
    why: 'of the trades of a position all but the last are deleted',
  },
]

function limited(value: string): boolean {
  return Number(value) >= 0
}

/** The first setting by which a topic loses records; null: it keeps all. */
export function losing(settings: Settings): { name: string; value: string; right: string; why: string } | null {
  const policy = settings['cleanup.policy'] ?? 'delete'
  for (const { name, wrong, right, why } of WANTED) {
    const value = settings[name]
    if (value === undefined || !wrong(value)) continue
    // without deletion no retention applies
    if (name !== 'cleanup.policy' && !policy.includes('delete')) continue
    return { name, value, right, why }
  }
  return null
}

/** What was said once in this process. */
const logged = new Set<string>()

/** Error: LOG_SETTINGS. Where we may not look, a sentence in the log. */
export async function checkLogSettings(
  log: Pick<EventLog, 'topicSettings'>,
  { topic, acceptLogSettings = false }: Pick<Config, 'topic'> & Partial<Pick<Config, 'acceptLogSettings'>>,
  logger?: Pick<Logger, 'warn'>,
): Promise<void> {
  const warn = (sentence: string) => {
    if (!logged.has(sentence)) logger?.warn({ topic }, sentence)
    logged.add(sentence)
  }
  const all = await log.topicSettings([topic])
  if (all === null)
    return warn(
      `We may not read the settings of ${topic} (it takes the right DescribeConfigs), so nobody checks that it keeps every record.`,
    )
  const found = losing(all.get(topic) ?? {})
  if (!found) return
  const sentence = `The topic ${topic} does not keep every record: ${found.name} is ${found.value}, so ${found.why}.`
  if (acceptLogSettings) return warn(`${sentence} That is accepted (STRANDLINE_ACCEPT_LOG_SETTINGS).`)
  const set = `${found.name}=${found.right}`
  throw new StrandlineError('LOG_SETTINGS', sentence, {
    todo:
      `Type: rpk topic alter-config ${topic} --set ${set} (Kafka: kafka-configs.sh --bootstrap-server <broker> --alter --entity-type topics ` +
      `--entity-name ${topic} --add-config ${set}); all goes on by itself then. Or accept it: STRANDLINE_ACCEPT_LOG_SETTINGS=yes.`,
  })
}
