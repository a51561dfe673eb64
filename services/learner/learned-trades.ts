/** What became of given trades in the ledger of a model. */

import type { OpenedVersion } from '../../core/store/model-versions.ts'
import { eventUuid, type PositionClosed } from '../../domain/event.ts'
import type { Model } from '../../domain/learning/model.ts'
import type { LedgerStore } from './ledger-store.ts'

export interface LearnedTrades {
  /** Trades that count in coefficients, and those in the ledger that count in none: without what the model learns, or retracted. */
  scored: number
  unscored: number
  /** Trades that the model has not taken, and why. */
  not_learned: { event_id: string; position_id: string; trade_id: string; why: string }[]
}

/** Ids of one request: a hosted project ends a statement after 8 s. */
const PAGE = 500

/**
 * Each trade once, by the newest of its revisions that are given.
 * @param otherNames of trades that the log has under another name: the event by which it has them, by their own
 * Errors: STORE_UNREACHABLE.
 */
export async function learnedTrades(
  ledger: LedgerStore,
  model: Model,
  modelVersion: Pick<OpenedVersion, 'sums'>,
  events: readonly PositionClosed[],
  otherNames: ReadonlyMap<string, string> = new Map(),
): Promise<LearnedTrades> {
  const trades = new Map<string, PositionClosed>()
  for (const event of events) {
    const id = eventUuid(otherNames.get(event.event_id) ?? event.event_id)
    if ((trades.get(id)?.revision ?? 0) <= event.revision) trades.set(id, event)
  }
  const ids = [...trades.keys()]
  const found: LearnedTrades = { scored: 0, unscored: 0, not_learned: [] }
  for (let at = 0; at < ids.length; at += PAGE) {
    const page = ids.slice(at, at + PAGE)
    const rows = new Map((await ledger.trades(modelVersion.sums, page)).map((row) => [row.id, row]))
    for (const id of page) {
      const row = rows.get(id)
      const event = trades.get(id) as PositionClosed
      const other = otherNames.get(event.event_id)
      if (!row) found.not_learned.push(notLearned(event, other ? notFrom(model, other) : whyNot(model, event)))
      else if (row.voided && !event.voided) found.not_learned.push(notLearned(event, RETRACTED))
      else if (row.rr === null || row.voided) found.unscored++
      else found.scored++
    }
  }
  return found
}

function notLearned({ event_id, position_id, trade_id }: PositionClosed, why: string) {
  return { event_id, position_id, trade_id, why }
}

const RETRACTED = 'it was retracted, and a retracted trade stays so'

/** Its source is that of whoever brought it first. */
const notFrom = ({ definition: { name } }: Model, other: string) =>
  `the log has it as ${other}, which ${name} has not taken: it does not learn from its source, or has refused it (./strandline dead-letters)`

function whyNot(model: Model, event: PositionClosed): string {
  if (!model.accepts(event.source))
    return `it is of the source ${event.source}, from which ${model.definition.name} does not learn`
  return `the learner refused it (./strandline dead-letters), or the log has it from a source from which ${model.definition.name} does not learn`
}
