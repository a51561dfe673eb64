/** The registry's topic: read once at the start, and again whenever someone else has written to it. */

import type { EventLog } from '../../core/log/log.ts'
import { readAll } from '../../core/log/read-all.ts'
import { decodeRecord, encodeRecord, type RegistryRecord } from './records.ts'
import { RegistryState } from './state.ts'

export const SCHEMAS_TOPIC = '_schemas'

export interface RegistryStore {
  state(): RegistryState
  /** Brings the state up to date when the topic has moved. */
  refresh(): Promise<void>
  /** Changes one after the other: `decide` sees the state that its records will follow. */
  write<T>(decide: (state: RegistryState) => { records: RegistryRecord[]; result: T }): Promise<T>
}

export async function openRegistryStore(log: EventLog): Promise<RegistryStore> {
  await log.ensureTopics([{ topic: SCHEMAS_TOPIC, partitions: 1, config: { 'cleanup.policy': 'compact' } }])
  let state = new RegistryState()
  let end = 0
  let turn: Promise<unknown> = Promise.resolve()

  const topicEnd = async () => (await log.offsets(SCHEMAS_TOPIC))[0]?.end ?? 0

  async function load(): Promise<void> {
    const fresh = new RegistryState()
    const upTo = await topicEnd()
    await readAll(log, SCHEMAS_TOPIC, ({ key, value }) => {
      const record = decodeRecord(key, value)
      if (record) fresh.apply(record)
    })
    state = fresh
    end = upTo
  }

  async function loadIfMoved(): Promise<void> {
    if ((await topicEnd()) !== end) await load()
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work)
    turn = mine.catch(() => {})
    return mine
  }

  await load()
  return {
    state: () => state,
    refresh: () => inTurn(loadIfMoved),
    write: (decide) =>
      inTurn(async () => {
        await loadIfMoved()
        const { records, result } = decide(state)
        if (records.length === 0) return result
        const placed = await log.produce(SCHEMAS_TOPIC, records.map(encodeRecord))
        // Nobody else wrote in between: our records are what follows the state. Otherwise the log's order counts, not ours.
        if (placed[0]?.offset === end) {
          for (const record of records) state.apply(record)
          end += records.length
        } else await load()
        return result
      }),
  }
}
