/** What the audit reads in the database, page by page: port, and its adapter over the database's functions. In memory: memory-audit.ts. */
import type { StoredLag } from '../../core/lag/lag.ts'
import { createLagStore } from '../../core/lag/lag-store.ts'
import type { Store } from '../../core/store/store.ts'
import type { CoefficientRow, FoldedLog } from '../../domain/learning/offline.ts'

/** Ids of one page; one may come twice. next: '' and then this, until it is null. */
export interface IdPage {
  ids: string[]
  /** Of strands: the revision of each that was projected; null: none was. */
  revisions?: (number | null)[]
  next: string | null
}

export type OutboxTuple = [
  event_id: string,
  revision: number,
  published: boolean,
  topic: string | null,
  partition: number | null,
  offset: number | null,
  refused: boolean,
]

/** redriven: published again. discarded: settled by an operator. */
export type LetterState = 'open' | 'redriven' | 'discarded'

export type LetterTuple = [partition: number, offset: number, reason: string, state: LetterState]

/** Coefficients behind a key, with where their learner stands: one snapshot. */
export interface CoefficientsPage {
  checkpoints: [partition: number, checkpoint: number][]
  global_rr: FoldedLog['global_rr'] | null
  rows: Omit<CoefficientRow, 'module'>[]
  next: string | null
}

/** Errors of each: STORE_UNREACHABLE, STORE_SCHEMA. */
export interface AuditStore {
  /** Events of trades that the PM closed, that the active version has applied, that have a strand. */
  ids(what: 'positions' | 'ledger' | 'strands', after: string, limit: number): Promise<IdPage>
  /** Revisions in the outbox. */
  outbox(after: string, limit: number): Promise<{ rows: OutboxTuple[]; next: string | null }>
  /** Unpublished rows. */
  outboxDepth(): Promise<number>
  /** Where every consumer of a topic stands. */
  lag(topic: string): Promise<StoredLag>
  /** What a consumer refused and has not applied since, behind a place. */
  letters(
    consumer: string,
    topic: string,
    after: [partition: number, offset: number],
    limit: number,
  ): Promise<LetterTuple[]>
  /** Of the active version. @param consumer whose checkpoints; @param size partials of one page, about */
  coefficients(consumer: string, topic: string, after: string, size: number): Promise<CoefficientsPage>
  /** Trades that have a strand, and the rows that hold them: more rows are a trade that counts twice. */
  strandCount(): Promise<{ events: number; rows: number; voided: number; adopted: number }>
}

export function createAuditStore(store: Store): AuditStore {
  const page = <T>(what: string, after: string, limit: number) =>
    store.rpc<T>('strandline_audit_page', { p_store: what, p_after: after, p_limit: limit })
  return {
    ids: (what, after, limit) => page(what, after, limit),
    async outbox(after, limit) {
      const { rows, next } = await page<Awaited<ReturnType<AuditStore['outbox']>>>('outbox', after, limit)
      return { rows, next }
    },
    outboxDepth: async () => (await store.rpc<{ depth: number }>('strandline_pm_outbox_state', {})).depth,
    lag: createLagStore(store).read,
    letters: (consumer, topic, [partition, offset], limit) =>
      store.rpc('strandline_audit_letters', {
        p_consumer: consumer,
        p_topic: topic,
        p_partition: partition,
        p_offset: offset,
        p_limit: limit,
      }),
    coefficients: (consumer, topic, after, size) =>
      store.rpc('strandline_audit_coefficients', {
        p_consumer: consumer,
        p_topic: topic,
        p_after: after,
        p_size: size,
      }),
    strandCount: () => store.rpc('strandline_strands_event_count', {}),
  }
}
