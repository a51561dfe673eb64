/** Whether the cluster keeps what it is given. Pure. */
import type { Config } from '../../core/config.ts'
import { losing } from '../../core/log/log-settings.ts'
import { count, error, type Finding, info, list, warning } from '../finding.ts'
import type { ClusterFacts, PartitionFacts } from './cluster.ts'

/** A version of Kafka by the newest Fetch request that came with it. */
const KAFKA_OF_FETCH: [fetch: number, kafka: string][] = [
  [18, '4.1'],
  [17, '3.9'],
  [16, '3.7'],
  [15, '3.5'],
  [13, '3.1'],
  [12, '2.7'],
  [11, '2.3'],
]
/** An event has 1–2 kB; a dead letter is as large as what it was made from. */
const SMALLEST_RECORD_LIMIT = 1_000_000

type Settings = Map<string, Record<string, string>> | null
type Wanted = Pick<Config, 'topic' | 'deadLetterTopic' | 'partitions' | 'acceptLogSettings'>

export function judgeCluster({ brokers, fetch, topics }: ClusterFacts, settings: Settings, wanted: Wanted): Finding[] {
  const kafka = fetch === null ? undefined : KAFKA_OF_FETCH.find(([version]) => fetch >= version)?.[1]
  const speaks = kafka ? `, which speak the protocol of Kafka ${kafka} or later` : ''
  const found = [
    info(
      'broker',
      `Kafka answers: ${count(brokers, 'broker')}${brokers === 1 ? speaks.replace('speak', 'speaks') : speaks}.`,
    ),
  ]
  const names = [wanted.topic, wanted.deadLetterTopic]
  const missing = names.filter((name) => !topics.has(name))
  if (missing.length > 0)
    found.push(
      warning(
        'topics',
        `There is no topic ${list(missing)}.`,
        './strandline topics makes what is missing; the PM does so before it first publishes.',
      ),
    )
  for (const name of names) {
    const partitions = topics.get(name)
    if (partitions) found.push(...judgePartitions(name, partitions, brokers, settings?.get(name), wanted))
  }
  if (settings === null)
    found.push(
      warning(
        'topics',
        `We may not read the settings of ${wanted.topic}, so nobody checks that it keeps every record.`,
        'Grant DescribeConfigs on the topics.',
      ),
    )
  else for (const name of names) found.push(...judgeSettings(name, settings.get(name), wanted))
  return found
}

function judgePartitions(
  topic: string,
  partitions: PartitionFacts[],
  brokers: number,
  settings: Record<string, string> | undefined,
  wanted: Wanted,
): Finding[] {
  const found: Finding[] = []
  const which = (bad: PartitionFacts[]) => `${topic}/${bad.map((p) => p.partition).join(', ')}`
  const headless = partitions.filter((p) => p.leader < 0)
  if (headless.length > 0)
    found.push(
      error('topics', `${which(headless)} has no leader: nobody can read or write it.`, 'See that all brokers are up.'),
    )
  const behind = partitions.filter((p) => p.leader >= 0 && p.in_sync < p.replicas)
  const least = Number(settings?.['min.insync.replicas'] ?? 1)
  const refused = partitions.filter((p) => p.leader >= 0 && p.in_sync < least)
  if (refused.length > 0)
    found.push(
      error(
        'topics',
        `${which(refused)} has fewer copies in step than min.insync.replicas (${least}): what closes cannot be published.`,
        'See that all brokers are up.',
      ),
    )
  else if (behind.length > 0)
    found.push(warning('topics', `${which(behind)} has copies that are not in step.`, 'See that all brokers are up.'))
  const copies = Math.min(...partitions.map((p) => p.replicas))
  if (topic === wanted.topic && copies === 1)
    found.push(
      brokers > 1
        ? warning(
            'topics',
            `${topic} has one copy on ${brokers} brokers: it is lost with that one’s disk.`,
            'Give it three: kafka-reassign-partitions.sh, or rpk topic alter-config.',
          )
        : info('topics', `${topic} has one copy, on the one broker: back it up.`),
    )
  if (topic === wanted.topic && copies >= 3 && least < 2 && settings)
    found.push(
      warning(
        'topics',
        `${topic} has min.insync.replicas=${least}: one disk’s word is enough for an acknowledgement.`,
        `Set min.insync.replicas=2.`,
      ),
    )
  if (topic === wanted.topic)
    found.push(
      info(
        'topics',
        `${topic} has ${count(partitions.length, 'partition')}${partitions.length === wanted.partitions ? '' : ` (STRANDLINE_PARTITIONS, for a new topic, is ${wanted.partitions})`}.`,
      ),
    )
  return found
}

function judgeSettings(topic: string, settings: Record<string, string> | undefined, wanted: Wanted): Finding[] {
  if (!settings) return []
  const found: Finding[] = []
  const lost = losing(settings)
  const set = (name: string, value: string) =>
    `rpk topic alter-config ${topic} --set ${name}=${value} (Kafka: kafka-configs.sh --bootstrap-server <broker> --alter --entity-type topics --entity-name ${topic} --add-config ${name}=${value}).`
  if (lost) {
    const what = `The topic ${topic} does not keep every record: ${lost.name} is ${lost.value}, so ${lost.why}.`
    const isLog = topic === wanted.topic
    found.push((isLog && !wanted.acceptLogSettings ? error : warning)('topics', what, set(lost.name, lost.right)))
  }
  const largest = Number(settings['max.message.bytes'] ?? SMALLEST_RECORD_LIMIT)
  if (largest < SMALLEST_RECORD_LIMIT)
    found.push(
      warning(
        'topics',
        `${topic} takes records of ${count(largest, 'byte')} at most.`,
        set('max.message.bytes', '1048576'),
      ),
    )
  if (topic === wanted.topic && settings['message.timestamp.type'] === 'CreateTime')
    found.push(
      warning(
        'topics',
        `${topic} has the time that a record’s producer says (CreateTime): one that claims a later time gets exits of the future past the check.`,
        set('message.timestamp.type', 'LogAppendTime'),
      ),
    )
  return found
}
