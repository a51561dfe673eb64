/**
 * The audit: where is every closed trade, and does it count exactly once? Each store is counted itself, and the coefficients are computed again from the
 * log's own bytes, by the offline fold, and compared: no trust in anybody's bookkeeping.
 *
 * It may run while trades flow. The stores are read in the order of a trade's way (closed, outbox, log, checkpoints, ledger and strands, coefficients): what
 * is read later can only hold more, so a trade that moves on meanwhile is found further on, never missed. What seems to be amiss is looked at once more, from
 * the beginning, before it is said.
 */

import { StrandlineError } from '../../core/errors.ts'
import type { ServiceDeps } from '../../core/service.ts'
import { type CoefficientStore, createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { activeModel } from '../../core/store/learned.ts'
import { type AuditStore, createAuditStore } from './audit-store.ts'
import { type Compared, compareCoefficients } from './coefficients.ts'
import { judge } from './judge.ts'
import { readLog } from './log-contents.ts'
import { readCheckpoints, readIds, readLetters, readOutbox, readStrands } from './stores.ts'

/** Every number counts distinct events; a record of the log that is no event counts for itself. */
export interface AuditReport {
  /** Trades that the PM closed, or that were imported, whose events go into this topic. */
  closed: number
  /** Of those: a revision is in the outbox and not in the log yet. */
  waiting_outbox: number
  /** Of those: in the log. */
  in_log: number
  /** In the log, and the learner or the projector is still to apply it: at or above its checkpoint. */
  behind: number
  /** In the log, and refused by the learner for good, by the reason that it recorded (open dead letters). */
  refused: Record<string, number>
  /** In the log, refused, and settled by an operator (./strandline dead-letters discard), by that reason. Trades that were applied otherwise are left out. */
  discarded: Record<string, number>
  /** In the log, and of a source that the active model does not learn from. */
  not_for_model: number
  /** Closed trades in the ledger of the active model, and in ad_strands. */
  in_ledger: number
  in_ad_strands: number
  /** Closed trades that are nowhere: marked published and not in the log, or passed by a consumer that has neither applied nor refused them. */
  lost: number
  /** Trades that count more than once: in the baseline, or as strands. */
  double: number
  /** Coefficients that differ from what the log gives up to where the learner stands (relative 1e-9), are missing, or too many. */
  wrong: number
  /** Nothing is lost, double or wrong. Something may still wait. */
  reconciles: boolean
  /** Ids of the first lost trades. */
  lost_ids: string[]
  /** Events in the log that nobody here closed or imported: published by someone else. */
  published_by_others: number
  /** Records of the log that cannot be applied, whether the learner has come to them or not. */
  not_applicable: number
  /** Of waiting_outbox: events that the log or the schema refuses. A person has to look. */
  outbox_refused: number
  /** Closed trades whose events went into other topics; they are in no other number. */
  in_other_topics: number
  /** Name of the active model; null while no learner ever ran. */
  model: string | null
  /** Coefficients computed again from the log: how many, how many differ or are missing, and the largest relative difference. */
  recomputed: { coefficients: number; different: number; largest_difference: number }
}

const FIRST = 20

export interface AuditStores {
  store: AuditStore
  learned: CoefficientStore
}

const databaseStores = ({ store }: ServiceDeps): AuditStores => ({
  store: createAuditStore(store),
  learned: createCoefficientStore(store),
})

/** Errors: STORE_UNREACHABLE, STORE_SCHEMA (migrations missing), LOG_UNREACHABLE, LOG_TOPIC_MISSING, LOG_AUTH, REGISTRY_UNREACHABLE. */
export async function audit(deps: ServiceDeps, stores: AuditStores = databaseStores(deps)): Promise<AuditReport> {
  const report = await reconcile(deps, stores)
  return report.reconciles ? report : reconcile(deps, stores)
}

/** Whether something is still on its way. */
export const isWaiting = (report: AuditReport): boolean => report.waiting_outbox > 0 || report.behind > 0

async function reconcile(deps: ServiceDeps, { store, learned }: AuditStores): Promise<AuditReport> {
  const { config } = deps
  const positions = await readIds(store, 'positions')
  const outbox = await readOutbox(store)
  const model = await activeModel(learned)
  const before = await readCheckpoints(store, config.topic)
  if (model && before.consumer === null)
    throw new StrandlineError(
      'USAGE',
      `What readers see, ${model.definition.name}, is learned from another topic than ${config.topic}: nothing here can be compared with it.`,
      {
        todo: 'Set STRANDLINE_TOPIC to that topic, or switch readers to a version of this one (./strandline promote).',
      },
    )
  const reading = await readLog(deps, model, before, await readLetters(store, config.topic, before.consumer))
  const checkpoints = await readCheckpoints(store, config.topic)
  const letters = await readLetters(store, config.topic, checkpoints.consumer)
  const ledger = await readIds(store, 'ledger')
  const strands = await readStrands(store)
  const compared = await compareCoefficients(store, config.topic, checkpoints.consumer, reading)
  const strandRows = await store.strandCount()
  const { topic } = config
  const counts = judge({ topic, positions, outbox, log: reading.contents, checkpoints, letters, ledger, strands })
  const double = compared.double + Math.max(0, strandRows.rows - strandRows.events)
  return reportOf(counts, compared, double, model?.definition.name ?? null)
}

function reportOf(
  {
    lost_ids,
    published_by_others,
    not_applicable,
    outbox_refused,
    in_other_topics,
    ...counts
  }: ReturnType<typeof judge>,
  { coefficients, different, largest_difference }: Compared,
  double: number,
  model: string | null,
): AuditReport {
  const lost = lost_ids.length
  return {
    ...counts,
    lost,
    double,
    wrong: different,
    reconciles: lost === 0 && double === 0 && different === 0,
    lost_ids: lost_ids.slice(0, FIRST),
    published_by_others,
    not_applicable,
    outbox_refused,
    in_other_topics,
    model,
    recomputed: { coefficients, different, largest_difference },
  }
}
