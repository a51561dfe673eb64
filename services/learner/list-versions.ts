/** Every model version with what an operator wants to know of it. */
import type { Clock } from '../../core/clock.ts'
import { findStrandlineError } from '../../core/errors.ts'
import type { EventLog, PartitionOffsets } from '../../core/log/log.ts'
import { createModelVersionStore, type ModelVersion, sumsOwner } from '../../core/store/model-versions.ts'
import type { Store } from '../../core/store/store.ts'
import { lagOf } from './caught-up.ts'
import { type VersionName, versionName } from './promote.ts'
import { createVersionSizeStore } from './version-size-store.ts'
import { readVersionSizes, type VersionSize } from './version-sizes.ts'

export type VersionState = 'active' | 'kept' | 'building' | 'dropping'

export interface ListedVersion
  extends Omit<VersionSize, 'bytes'>,
    Pick<ModelVersion, 'hash' | 'build' | 'topic' | 'active' | 'outcome'> {
  name: string
  /** kept: learners keep it up to date, and readers see another one. */
  state: VersionState
  /** It was active before the active one: where `rollback` goes. */
  previous: boolean
  /** Records of its log that it has not applied; null: there is no such topic any more. */
  lag: number | null
  /** On disk, about. 0: it takes no room beside the version whose sums it reads. */
  size_bytes: number
  /** The version whose sums it reads; null: it has its own. */
  sums_of: VersionName | null
  /** ISO 8601. */
  created_at: string
}

/**
 * The active one first, then the newest first.
 * @param counted hears how many rows were counted so far @param readSizes for whoever asks often: every row is counted for an answer
 * Errors: STORE_UNREACHABLE, STORE_SCHEMA, LOG_UNREACHABLE.
 */
export async function listVersions(
  { store, log, clock }: { store: Store; log: Pick<EventLog, 'offsets'>; clock: Clock },
  counted?: (rows: number) => void,
  readSizes: () => Promise<Map<number, VersionSize>> = () => readVersionSizes(createVersionSizeStore(store), counted),
): Promise<ListedVersion[]> {
  const versions = await createModelVersionStore(store).list()
  const sizes = await readSizes()
  const before = versions.find((v) => v.active)?.previous
  const ends = new Map<string, PartitionOffsets[] | null>()
  for (const { topic } of versions) if (!ends.has(topic)) ends.set(topic, await endsOf(log, topic))
  return Promise.all(
    versions.map(async (v) => {
      const { events = 0, coefficients = 0, bytes = 0 } = sizes.get(v.sums) ?? {}
      const owner = sumsOwner(versions, v)
      const end = ends.get(v.topic)
      return {
        name: v.model,
        hash: v.hash,
        build: v.build,
        topic: v.topic,
        outcome: v.outcome,
        active: v.active,
        state: stateOf(v),
        previous: v.model_version === before,
        events,
        lag: end ? await lagOf(store, clock, v, end) : null,
        coefficients,
        size_bytes: owner ? 0 : bytes,
        sums_of: owner && versionName(owner),
        created_at: new Date(v.created_at).toISOString(),
      }
    }),
  )
}

async function endsOf(log: Pick<EventLog, 'offsets'>, topic: string): Promise<PartitionOffsets[] | null> {
  try {
    return await log.offsets(topic)
  } catch (error) {
    if (findStrandlineError(error)?.code === 'LOG_TOPIC_MISSING') return null
    throw error
  }
}

const stateOf = ({ active, building, dropping }: ModelVersion): VersionState =>
  dropping ? 'dropping' : active ? 'active' : building ? 'building' : 'kept'
