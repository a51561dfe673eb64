/** A model version taken away: its sums, its ledger, its letters, its checkpoints, and its consumer group at the broker. Of one that reads the sums of another, its name alone. */
import type { Clock } from '../../core/clock.ts'
import { StrandlineError } from '../../core/errors.ts'
import type { EventLog } from '../../core/log/log.ts'
import { groupOf } from '../../core/runner/consumer-names.ts'
import { createModelVersionStore, type ModelVersion } from '../../core/store/model-versions.ts'
import type { Store } from '../../core/store/store.ts'
import { namesVersion, versionLabel } from '../../core/store/version-name.ts'
import { chooseOnly } from './choose-version.ts'
import { createDropStore, DROPPED_STORES, type DropStore } from './drop-store.ts'
import { type VersionName, versionName } from './promote.ts'

export interface Dropped extends VersionName {
  /** Rows that were taken away; of a drop that went on after a crash, those of its last run. */
  rows: number
}

export interface DropOptions {
  name: string
  topic?: string
  /** Hears how many rows are gone. */
  progress?: (rows: number) => void
}

/** Rows that one transaction looks at: far from a hosted project's statement timeout of 8 s. */
const PAGE = 20_000
/** Learners let go within a second; a commit that is under way takes its time. */
const LETTING_GO_MS = 20_000
const POLL_MS = 200

/** Errors: USAGE (no such version, readers see it, or others read its sums), MODEL_IN_USE (somebody learns it and does not let go), STORE_UNREACHABLE, LOG_UNREACHABLE. */
export async function drop(
  { store, log, clock }: { store: Store; log: Pick<EventLog, 'group' | 'deleteGroup'>; clock: Clock },
  { name, topic, progress = () => {} }: DropOptions,
): Promise<Dropped> {
  const versions = await createModelVersionStore(store).list()
  const version = chooseDropped(versions, name, topic)
  const drops = createDropStore(store)
  const id = version.model_version
  const marked = await drops.mark(id, true)
  // as it is now: what was opened or dropped meanwhile reads these sums, or does no longer
  const others = (await createModelVersionStore(store).list()).filter((v) => v.model_version !== id)
  if (marked === 'active')
    throw new StrandlineError('USAGE', `${versionLabel(version)} is what readers see: it is not dropped.`, {
      todo: 'Switch them first: ./strandline promote, or ./strandline rollback.',
    })
  if (marked === 'shared') {
    const readers = others.filter((v) => v.sums === id)
    throw new StrandlineError(
      'USAGE',
      `${readers.map(versionLabel).join(', ')} ${readers.length === 1 ? 'reads' : 'read'} the sums of ${versionLabel(version)}: it is not dropped.`,
      {
        todo: `Drop ${readers.length === 1 ? 'that' : 'those'} first; while readers see one of them, its sums are needed.`,
      },
    )
  }
  const group = groupOf(version.consumer)
  // two topics under one model share a group
  const shared = others.some((v) => groupOf(v.consumer) === group)
  if (version.sums === id && !(await letGo({ log, clock }, group, version.topic, shared))) {
    // what was begun before may lack rows already: it is no version any more
    if (!versions.some((v) => v.model_version === id && v.dropping)) await drops.mark(id, false)
    const todo = 'Stop its learner, or its rebuild (./strandline lag names its members), and say it again.'
    throw new StrandlineError('MODEL_IN_USE', `Somebody learns ${versionLabel(version)}: it is not dropped.`, { todo })
  }
  const rows = await dropRows(drops, id, progress)
  if (!shared) await log.deleteGroup(group)
  await drops.end(id)
  return { ...versionName(version), rows }
}

/** One whose drop was broken off goes before others of its name. */
function chooseDropped(versions: ModelVersion[], name: string, topic?: string): ModelVersion {
  const begun = versions.filter((v) => v.dropping && namesVersion(name, v))
  if (begun.length === 0) return chooseOnly(versions, name, topic)
  return chooseOnly(
    begun.map((v) => ({ ...v, dropping: false })),
    name,
    topic,
  )
}

async function letGo(
  { log, clock }: { log: Pick<EventLog, 'group'>; clock: Clock },
  group: string,
  topic: string,
  shared: boolean,
): Promise<boolean> {
  const until = clock.now() + LETTING_GO_MS
  for (;;) {
    const { members } = await log.group(group, topic)
    if (!members.some((m) => !shared || m.partitions.length > 0)) return true
    if (clock.now() >= until) return false
    await clock.sleep(POLL_MS)
  }
}

async function dropRows(drops: DropStore, id: number, progress: (rows: number) => void): Promise<number> {
  let rows = 0
  for (const store of DROPPED_STORES)
    for (let after: string | null = ''; after !== null; ) {
      const page: Awaited<ReturnType<DropStore['rows']>> = await drops.rows(id, store, after, PAGE)
      rows += page.dropped
      after = page.next
      progress(rows)
    }
  return rows
}
