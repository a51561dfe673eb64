/** What follows from what each store holds. Pure. Every count is of distinct events; a record that is no event counts for itself. */
import type { LogContents } from './log-contents.ts'
import { type Checkpoints, type Letter, type OutboxRow, placeOf } from './stores.ts'

export interface Found {
  topic: string
  /** Ids of the trades that the PM closed. */
  positions: ReadonlySet<string>
  outbox: readonly OutboxRow[]
  log: LogContents
  /** Read after the log and before ledger and strands: what lies below them must be there. */
  checkpoints: Checkpoints
  letters: ReadonlyMap<string, Letter>
  ledger: ReadonlySet<string>
  /** With the revision that each shows. */
  strands: ReadonlyMap<string, number>
}

export interface Counts {
  closed: number
  waiting_outbox: number
  in_log: number
  behind: number
  refused: Record<string, number>
  discarded: Record<string, number>
  not_for_model: number
  in_ledger: number
  in_ad_strands: number
  lost_ids: string[]
  published_by_others: number
  not_applicable: number
  outbox_refused: number
  in_other_topics: number
}

export function judge(found: Found): Counts {
  const { log, ledger, strands, letters } = found
  const outbox = outboxOf(found)
  const closed = new Set([...found.positions].filter((id) => !outbox.elsewhere.has(id)))
  for (const id of outbox.here) closed.add(id)
  const logged = (id: string) => log.revisions.has(id) || outbox.unreadable.has(id)

  const applied = appliedOf(found)
  const refused = new Map<string, string>()
  const discarded = new Map<string, string>()
  for (const [place, { reason, state }] of letters) {
    const id = log.lettered.get(place) ?? outbox.atPlace.get(place) ?? place
    if (state === 'open') refused.set(id, reason)
    else if (state === 'discarded') discarded.set(id, reason)
  }
  // one that is open has still to be looked at; and a trade that was published anew, and applied, is settled by that
  for (const id of discarded.keys()) if (refused.has(id) || ledger.has(id)) discarded.delete(id)
  const unrecorded = new Set<string>() // below the learner's checkpoint, not applicable, and nobody said so
  for (const bad of log.bad) {
    const place = placeOf(bad.partition, bad.offset)
    const id = bad.id ?? outbox.atPlace.get(place) ?? place
    if (bad.offset >= (found.checkpoints.learner.get(bad.partition) ?? 0)) applied.behind.add(id)
    else if (!letters.has(place)) unrecorded.add(id)
  }

  const isLost = (id: string) => {
    if (outbox.missing.has(id)) return true
    if (!logged(id)) return !outbox.waiting.has(id)
    if (applied.byLearner.has(id) && !ledger.has(id)) return true
    // also a correction that is not shown is lost
    if ((applied.byProjector.get(id) ?? Number.NEGATIVE_INFINITY) > (strands.get(id) ?? Number.NEGATIVE_INFINITY))
      return true
    return unrecorded.has(id) && !refused.has(id) && !ledger.has(id)
  }
  const all = [...closed]
  const others = new Set([...log.below.keys(), ...log.tail.map((t) => t.id)].filter((id) => !closed.has(id)))
  return {
    closed: closed.size,
    waiting_outbox: outbox.waiting.size,
    in_log: all.filter(logged).length,
    behind: applied.behind.size,
    refused: byReason(refused.values()),
    discarded: byReason(discarded.values()),
    not_for_model: log.notForModel.size,
    in_ledger: all.filter((id) => ledger.has(id)).length,
    in_ad_strands: all.filter((id) => strands.has(id)).length,
    lost_ids: all.filter(isLost),
    published_by_others: others.size,
    not_applicable: log.bad.length,
    outbox_refused: outbox.refused.size,
    in_other_topics: outbox.elsewhere.size,
  }
}

/** Each row of the outbox beside the log: a row is in it when the log has this revision of the event, or a later one, wherever it lies. */
function outboxOf({ topic, outbox, log }: Found) {
  const bad = new Set(log.bad.filter((b) => b.id === null).map((b) => placeOf(b.partition, b.offset)))
  const here = new Set<string>()
  const elsewhere = new Set<string>()
  const waiting = new Set<string>()
  const missing = new Set<string>()
  const refused = new Set<string>()
  const unreadable = new Set<string>()
  const atPlace = new Map<string, string>()
  for (const row of outbox) {
    if (row.topic !== null && row.topic !== topic) {
      elsewhere.add(row.id)
      continue
    }
    here.add(row.id)
    const unread = row.place !== null && bad.has(row.place)
    if (unread) {
      unreadable.add(row.id)
      atPlace.set(row.place as string, row.id)
    }
    if (unread || (log.revisions.get(row.id) ?? -1) >= row.revision) continue
    if (row.published) missing.add(row.id)
    else {
      waiting.add(row.id)
      if (row.refused) refused.add(row.id)
    }
  }
  for (const id of here) elsewhere.delete(id)
  return { here, elsewhere, waiting, missing, refused, unreadable, atPlace }
}

/** What each consumer must have applied by its checkpoint, and what one of them has still before it. */
function appliedOf({ log, checkpoints }: Found) {
  const passed = (positions: Map<number, number>) => {
    const revisions = new Map(log.below)
    for (const { id, revision, partition, offset } of log.tail)
      if (offset < (positions.get(partition) ?? 0)) revisions.set(id, Math.max(revision, revisions.get(id) ?? -1))
    return revisions
  }
  const learner = passed(checkpoints.learner)
  const projector = passed(checkpoints.projector)
  const behind = new Set<string>()
  for (const { id, revision } of log.tail) {
    const waits = (by: Map<string, number>) => (by.get(id) ?? -1) < revision // a repetition of what is applied waits for nothing
    if (waits(projector) || (waits(learner) && !log.notForModel.has(id))) behind.add(id)
  }
  for (const id of log.notForModel) learner.delete(id)
  return { byLearner: learner, byProjector: projector, behind }
}

function byReason(reasons: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const reason of [...reasons].sort()) counts[reason] = (counts[reason] ?? 0) + 1
  return counts
}
