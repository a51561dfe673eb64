/** Which models were tried on a log, and what came of it: port, and its adapter over the database's functions. In memory: memory-verdicts.ts. */
import type { Store } from '../core/store/store.ts'
import type { Try } from '../domain/verdict/verdict.ts'

/** Errors of each: STORE_UNREACHABLE, STORE_SCHEMA. */
export interface VerdictStore {
  /** The newest of each model and beginning, by hash, then beginning. */
  tried(topic: string): Promise<Try[]>
  note(topic: string, tries: readonly (Try & { model: string; trades: number })[]): Promise<void>
}

export const createVerdictStore = (store: Store): VerdictStore => ({
  tried: (topic) => store.rpc('strandline_verdicts', { p_topic: topic }),
  note: (topic, tries) => store.rpc('strandline_verdicts_note', { p_topic: topic, p_rows: JSON.stringify(tries) }),
})
