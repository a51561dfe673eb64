/** Everything about one dead letter: who refused it, what became of it, and its record, taken apart as far as it goes. */
import { type DissectedValue, dissectValue } from '../../core/codec/dissect-value.ts'
import type { RegistryClient } from '../../core/codec/registry.ts'
import type { StoredLag } from '../../core/lag/lag.ts'
import type { LagStore } from '../../core/lag/lag-store.ts'
import type { EventLog } from '../../core/log/log.ts'
import { type DeadLetter, letterOf } from './dead-letter-list.ts'
import { type FoundRecord, recordOfLetter } from './dead-letter-record.ts'
import type { DeadLetterRecord, DeadLetterStore, Place } from './dead-letter-store.ts'

/** Letters of a chain that are looked at. */
const MOST = 1_000

export interface DescribedLetter {
  letter: DeadLetter
  /** By each version that refused it. */
  refusals: Pick<DeadLetterRecord, 'consumer' | 'reason' | 'detail' | 'recorded_at' | 'applied_at'>[]
  /** Of its record, of what that is a copy of, and of its copies: by place. The letter itself is one of them. */
  history: DeadLetter[]
  /** Copies that are no letters. taken: the learner that readers see has come past them, so they count, or belong to a source that it leaves out. */
  copies: (Place & { taken: boolean })[]
  /** null: neither topic has it any more. */
  record: FoundRecord | null
  value: DissectedValue
}

export interface DescribeDeps {
  store: Pick<DeadLetterStore, 'chain'>
  lag: LagStore
  log: Pick<EventLog, 'offsets' | 'recordsAt'>
  /** null: nobody says where it is. */
  registry: Pick<RegistryClient, 'writerType'> | null
}

/** null: there is no letter at the place. Errors: STORE_UNREACHABLE, STORE_REJECTED, LOG_UNREACHABLE. */
export async function describeDeadLetter(
  { store, lag, log, registry }: DescribeDeps,
  topic: string,
  at: Place,
): Promise<DescribedLetter | null> {
  const rows = await store.chain(topic, at, MOST)
  const mine = rows.filter((r) => r.offset === at.offset)
  const history = [...Map.groupBy(rows, (r) => r.offset).values()].map(newest)
  const letter = history.find((l) => l.offset === at.offset)
  if (!letter) return null
  const record = await recordOfLetter(log, topic, letter)
  return {
    letter,
    refusals: mine.map(({ consumer, reason, detail, recorded_at, applied_at }) => ({
      consumer,
      reason,
      detail,
      recorded_at,
      applied_at,
    })),
    history,
    copies: copiesOf(history, await lag.read(topic)),
    record,
    value: await dissectValue(record?.value ?? null, registry),
  }
}

/** Of several versions' refusals the newest that is open, else the newest. */
function newest(rows: DeadLetterRecord[]): DeadLetter {
  const letters = rows.map(letterOf)
  return letters.find((l) => l.state === 'open') ?? (letters[0] as DeadLetter)
}

function copiesOf(history: readonly DeadLetter[], { checkpoints, active }: StoredLag): DescribedLetter['copies'] {
  const letters = new Set(history.map((l) => l.offset))
  const upTo = (partition: number) =>
    checkpoints.find((c) => c.consumer === active && c.partition === partition)?.checkpoint ?? 0
  return history
    .flatMap((l) => l.redriven_to ?? [])
    .filter((to) => !letters.has(to.offset))
    .map((to) => ({ ...to, taken: to.offset < upTo(to.partition) }))
}
