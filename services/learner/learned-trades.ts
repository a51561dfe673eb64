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

/** Each trade once, whatever number of its revisions is given. Errors: STORE_UNREACHABLE. */
export async function learnedTrades(
  ledger: LedgerStore,
  model: Model,
  modelVersion: Pick<OpenedVersion, 'sums'>,
  events: readonly PositionClosed[],
): Promise<LearnedTrades> {
  const trades = new Map(events.map((e) => [eventUuid(e.event_id), e]))
  const ids = [...trades.keys()]
  const found: LearnedTrades = { scored: 0, unscored: 0, not_learned: [] }
  for (let at = 0; at < ids.length; at += PAGE) {
    const page = ids.slice(at, at + PAGE)
    const rows = new Map((await ledger.trades(modelVersion.sums, page)).map((row) => [row.id, row]))
    for (const id of page) {
      const row = rows.get(id)
      const event = trades.get(id) as PositionClosed
      if (!row) found.not_learned.push(notLearned(event, whyNot(model, event)))
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

function whyNot(model: Model, event: PositionClosed): string {
  if (!model.accepts(event.source))
    return `it is of the source ${event.source}, from which ${model.definition.name} does not learn`
  return 'the learner refused it: see ./strandline dead-letters'
}
