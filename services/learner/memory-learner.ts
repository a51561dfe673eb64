/** The learner's reads and commits in memory: the rules of `strandline_learner_read` and `strandline.learner_commit`. */
import { advance, checkpointsOf, fence, placeOf, unclaimed } from '../../core/store/memory/checkpoints.ts'
import { asJson, fromJsonb, type MemoryDatabase } from '../../core/store/memory/database.ts'
import { addLetter, applyLetters } from '../../core/store/memory/dead-letters.ts'
import { learnedTables, ledgerKey, type PartialRow, partialKey } from '../../core/store/memory/learned.ts'
import type { OpenedVersion } from '../../core/store/model-versions.ts'
import type { Model, Scope } from '../../domain/learning/model.ts'
import { groupsOfLedger, type Trade } from '../../domain/learning/trade.ts'
import type { CommitAnswer, DeadLetterRow, ForeignState, LearnerCommit } from './commit.ts'
import type { LearnerStore } from './learner-store.ts'

/** A commit that is to change nothing, and its answer. */
class Refused extends Error {
  readonly answer: CommitAnswer
  constructor(answer: CommitAnswer) {
    super(answer.status)
    this.answer = answer
  }
}

/** @param sync as of createLearnerStore */
export function createMemoryLearner(
  db: MemoryDatabase,
  model: Model,
  modelVersion: OpenedVersion,
  topic: string,
  { sync = true }: { sync?: boolean } = {},
): LearnerStore {
  const { sums: model_version, consumer } = modelVersion
  const { ledger, partials, versions } = learnedTables(db)
  const at = (partition: number) => ({ consumer, topic, partition })

  function commit(c: LearnerCommit): void {
    const held = fence(db, { ...c.claim, consumer, topic })
    if (held !== 'ok') throw new Refused({ status: held })
    // a version that is being dropped, or was: what is written now nobody would take away any more
    if (versions.get(String(model_version))?.dropping !== false) throw new Refused({ status: 'fenced' })
    for (const other of c.foreign) raiseVersion(other)
    for (const trade of c.changed) {
      const key = ledgerKey(model_version, trade.id)
      // what was taken out of the sums is the revision that was read: through another partition it may have been overtaken since
      if (ledger.get(key)?.revision !== trade.was) throw new Refused({ status: 'stale' })
      ledger.put(key, rowOf(trade, c.claim.partition))
    }
    const fresh = c.fresh.rows.map((row) => c.fresh.table.read(row))
    const known = fresh.filter((trade) => ledger.get(ledgerKey(model_version, trade.id)))
    if (known.length > 0) throw new Refused({ status: 'seen', ids: known.map((trade) => trade.id) })
    for (const trade of fresh) ledger.put(ledgerKey(model_version, trade.id), rowOf(trade, c.claim.partition))
    for (const { partition, period, group, table, row: from } of c.dirty) {
      const sums = table.read(from)
      const { scope, name, key } = group
      const row = { model_version, partition, period, scope, name, key, sums: asJson(sums) }
      if (sums.n > 0) partials.put(partialKey(row), row)
      else partials.remove(partialKey(row)) // retractions emptied it
    }
    const { topic_id } = fromJsonb<{ topic_id?: string | null }>(c.seen)
    if (c.settles) applyLetters(db, at(c.claim.partition), { ...c.settles, next: c.next }, topic_id ?? null)
    for (const letter of fromJsonb<DeadLetterRow[]>(JSON.stringify(c.dead)))
      addLetter(db, { ...at(c.claim.partition), ...letter, topic_id: topic_id ?? '' })
    advance(db, at(c.claim.partition), c)
  }

  /** Another partition's sums change under its checkpoint as well. */
  function raiseVersion({ partition, version, checkpoint }: ForeignState): void {
    const rows = checkpointsOf(db)
    const row = rows.get(placeOf(at(partition))) ?? unclaimed(at(partition))
    if (row.version !== version || row.checkpoint !== checkpoint) throw new Refused({ status: 'stale' })
    rows.put(placeOf(at(partition)), { ...row, version: version + 1 })
  }

  const rowOf = ({ id, offset, revision, voided, closed_at, rr, levers }: Trade, partition: number) => ({
    model_version,
    event_id: id,
    partition,
    offset,
    revision,
    voided,
    closed_at,
    rr,
    levers,
  })

  const isBaseline = (p: PartialRow) => p.model_version === model_version && p.name === 'global' && p.key === ''

  return {
    modelVersion,
    async read(partition, ids, cells) {
      const rows = ids.flatMap((id) => ledger.get(ledgerKey(model_version, id)) ?? [])
      const found = cells.flatMap(({ period, group: { name, key } }) => {
        return partials.get(partialKey({ model_version, partition, period, name, key })) ?? []
      })
      const { version, checkpoint } = checkpointsOf(db).get(placeOf(at(partition))) ?? unclaimed(at(partition))
      return {
        version,
        checkpoint,
        empty: !partials.rows().some((p) => isBaseline(p) && p.partition === partition),
        trades: rows.map(({ event_id: id, model_version: _, ...row }) => {
          const trade = { id, ...row, offset: 0 }
          return { ...trade, groups: groupsOfLedger(model, trade) }
        }),
        sums: found.map(({ scope, name, key, period, sums }) => ({
          scope: scope as Scope,
          name,
          key,
          period,
          sums: { ...sums },
        })),
      }
    },
    async commit(c) {
      try {
        // what the log cannot restore, or does not: as strandline.learner_commit
        const replay = c.settles !== undefined && c.settles.from < (c.claim.checkpoint ?? -1)
        const waits = sync || c.dead.length > 0 || replay || c.foreign.length > 0
        db.transaction(() => commit(c), waits)
        return { status: 'ok' }
      } catch (error) {
        if (error instanceof Refused) return error.answer
        throw error
      }
    },
  }
}
