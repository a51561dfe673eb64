/** What a topic is set to, asked of the broker. */
import kafkajs, { type Admin } from 'kafkajs'
import { isOfType } from './kafka-errors.ts'

const { ConfigResourceTypes } = kafkajs

/** Of the topics that exist, by topic and name of the setting; null where we may not describe them. */
export async function topicSettings(
  admin: Admin,
  topics: string[],
): Promise<Map<string, Record<string, string>> | null> {
  const existing = new Set(await admin.listTopics())
  const wanted = topics.filter((t) => existing.has(t))
  if (wanted.length === 0) return new Map()
  try {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: wanted.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
    })
    return new Map(
      resources.map((r) => [
        r.resourceName,
        Object.fromEntries(r.configEntries.map((e) => [e.configName, e.configValue])),
      ]),
    )
  } catch (error) {
    const refused = ['TOPIC_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED'].some((type) => isOfType(error, type))
    if (refused) return null
    throw error
  }
}
