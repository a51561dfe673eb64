/** The learner's calls to the database. Columns travel as array literals in text, which every PostgREST and @supabase/lite passes on unchanged. */
import { sumsHash } from '../../core/load-model.ts'
import type { ModelVersionStore, NamedModel, OpenedVersion } from '../../core/store/model-versions.ts'
import { isDirect, type Store } from '../../core/store/store.ts'
import type { Model, Scope } from '../../domain/learning/model.ts'
import type { DecayedSums } from '../../domain/learning/sums.ts'
import type { AmountValues, SumsAmount } from '../../domain/learning/sums-table.ts'
import { groupsOfLedger, type Trade } from '../../domain/learning/trade.ts'
import type { Cell, CommitAnswer, LearnerCommit } from './commit.ts'
import { changedRows, copyCommit, isCopyable, settlesText } from './copy-commit.ts'

export interface LearnerRead {
  version: number
  checkpoint: number | null
  /** The partition has no sums at all. */
  empty: boolean
  trades: Trade[]
  sums: { scope: Scope; name: string; key: string; period: number; sums: DecayedSums }[]
}

export interface LearnerStore {
  readonly modelVersion: OpenedVersion
  read(partition: number, ids: string[], cells: Cell[]): Promise<LearnerRead>
  commit(c: LearnerCommit): Promise<CommitAnswer>
}

/** Finds or makes the version of a model over a topic. Readers see it only where they see no other yet; `./strandline promote` switches. */
export async function openVersion(versions: ModelVersionStore, model: Model, topic: string): Promise<OpenedVersion> {
  return versions.open(namedModel(model, topic))
}

export const namedModel = ({ definition, hash }: Model, topic: string): NamedModel => ({
  model: definition.name,
  hash,
  definition,
  sums_hash: sumsHash(definition),
  topic,
})

type LedgerTuple = [
  id: string,
  partition: number,
  revision: number,
  voided: boolean,
  closed_at: number,
  rr: number | null,
  levers: string,
]
type SumsTuple = [
  scope: Scope,
  name: string,
  key: string,
  period: number,
  n: number,
  newest: number,
  ...amounts: AmountValues,
]

interface LearnerAnswer extends Pick<LearnerRead, 'version' | 'checkpoint' | 'empty'> {
  ledger: LedgerTuple[]
  partials: SumsTuple[]
}

export interface LearnerStoreOptions {
  /** Commits wait for the disk; otherwise a crash may take the newest ones along, with the checkpoint. */
  sync?: boolean
  /** New trades of a chunk from which on it is copied in, where the database is reached without PostgREST. Below, one round trip is cheaper than few bytes. */
  copyFrom?: number
}

export function createLearnerStore(
  store: Store,
  model: Model,
  modelVersion: OpenedVersion,
  topic: string,
  { sync = true, copyFrom = 100 }: LearnerStoreOptions = {},
): LearnerStore {
  const { sums, consumer } = modelVersion
  const common = { p_consumer: consumer, p_topic: topic, p_sums: sums }
  return {
    modelVersion,
    async read(partition, ids, cells) {
      const answer = await store.rpc<LearnerAnswer>('strandline_learner_read', {
        ...common,
        p_partition: partition,
        p_ids: plain(ids, (id) => id),
        p_names: texts(cells, (c) => c.group.name),
        p_keys: texts(cells, (c) => c.group.key),
        p_periods: plain(cells, (c) => c.period),
      })
      return {
        version: answer.version,
        checkpoint: answer.checkpoint,
        empty: answer.empty,
        trades: answer.ledger.map(([id, p, revision, voided, closed_at, rr, levers]) => {
          const trade = { id, partition: p, offset: 0, revision, voided, closed_at, rr, levers }
          return { ...trade, groups: groupsOfLedger(model, trade) }
        }),
        sums: answer.partials.map(
          ([
            scope,
            name,
            key,
            period,
            n,
            newest,
            weight_short,
            weight_short_low,
            weighted_rr_short,
            weighted_rr_short_low,
            weight_long,
            weight_long_low,
            weighted_rr_long,
            weighted_rr_long_low,
          ]) => ({
            scope,
            name,
            key,
            period,
            sums: {
              n,
              newest,
              weight_short,
              weight_short_low,
              weighted_rr_short,
              weighted_rr_short_low,
              weight_long,
              weight_long_low,
              weighted_rr_long,
              weighted_rr_long_low,
            },
          }),
        ),
      }
    },
    commit: (c) =>
      isDirect(store) && c.fresh.rows.length >= copyFrom && isCopyable(c)
        ? copyCommit(store, { consumer, topic, sums, sync }, c)
        : store.rpc<CommitAnswer>('strandline_learner_commit', {
            ...common,
            p_partition: c.claim.partition,
            p_epoch: c.claim.epoch,
            p_version: c.claim.version,
            p_next: c.next,
            p_commit: c.commitId,
            p_ids: plain(c.fresh.rows, (trade) => c.fresh.table.id(trade)),
            p_offsets: plain(c.fresh.rows, (trade) => c.fresh.table.offset(trade)),
            p_revisions: plain(c.fresh.rows, (trade) => c.fresh.table.revision(trade)),
            p_voided: plain(c.fresh.rows, (trade) => c.fresh.table.isVoided(trade)),
            p_closed_at: plain(c.fresh.rows, (trade) => c.fresh.table.closedAt(trade)),
            p_rr: plain(c.fresh.rows, (trade) => c.fresh.table.rr(trade)),
            p_levers: texts(c.fresh.rows, (trade) => c.fresh.table.levers(trade)),
            p_changed: changedRows(c.changed),
            p_sum_partitions: plain(c.dirty, (d) => d.partition),
            p_scopes: plain(c.dirty, (d) => d.group.scope),
            p_names: texts(c.dirty, (d) => d.group.name),
            p_keys: texts(c.dirty, (d) => d.group.key),
            p_periods: plain(c.dirty, (d) => d.period),
            p_ns: plain(c.dirty, (d) => d.table.count(d.row)),
            p_newest: plain(c.dirty, (d) => d.table.newest(d.row)),
            p_weight_short: amounts(c, 'weight_short'),
            p_weight_short_low: amounts(c, 'weight_short_low'),
            p_weighted_rr_short: amounts(c, 'weighted_rr_short'),
            p_weighted_rr_short_low: amounts(c, 'weighted_rr_short_low'),
            p_weight_long: amounts(c, 'weight_long'),
            p_weight_long_low: amounts(c, 'weight_long_low'),
            p_weighted_rr_long: amounts(c, 'weighted_rr_long'),
            p_weighted_rr_long_low: amounts(c, 'weighted_rr_long_low'),
            p_foreign: JSON.stringify(c.foreign),
            p_dead: JSON.stringify(c.dead),
            p_seen: c.seen,
            p_checkpoint: c.claim.checkpoint ?? -1,
            p_sync: sync,
            p_baseline: c.baseline ?? true,
            p_settles: settlesText(c),
          }),
  }
}

const amounts = ({ dirty }: LearnerCommit, amount: SumsAmount) => plain(dirty, (d) => d.table.amount(d.row, amount))

/** Array literal of values that need no quotes: numbers (JavaScript's shortest form round-trips through float8), booleans, UUIDs, null. */
function plain<T>(rows: readonly T[], value: (row: T) => number | boolean | string | null): string {
  let out = ''
  for (const row of rows) out += out === '' ? value(row) : `,${value(row)}`
  return `{${out}}`
}

/** What an array literal must have in quotes: its own signs, blanks, nothing, and the word that means nothing. */
const QUOTED = /[{}",\\\s]|^$|^null$/i

/** Array literal of texts. */
function texts<T>(rows: readonly T[], value: (row: T) => string): string {
  let out = ''
  for (const row of rows) {
    const text = value(row)
    if (out !== '') out += ','
    out += QUOTED.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text
  }
  return `{${out}}`
}
