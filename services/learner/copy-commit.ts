/**
 * A chunk's commit to PostgreSQL itself: new rows of ledger and sums by COPY, everything else by the function that PostgREST's way calls too, in one
 * transaction. COPY comes before it, and whatever it refuses takes the rows back.
 */
import { finished } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { findStrandlineError } from '../../core/errors.ts'
import { type BinaryWriter, binaryArray, copyRows } from '../../core/store/binary-writer.ts'
import type { SumsOf } from '../../core/store/model-versions.ts'
import { type DirectStore, RolledBack } from '../../core/store/store.ts'
import { SUMS_AMOUNTS } from '../../domain/learning/sums-table.ts'
import type { TradeSelection } from '../../domain/learning/trade-table.ts'
import type { CommitAnswer, DirtySums, LearnerCommit } from './commit.ts'

/** Checkpoints of other partitions are locked by the function itself, in one order with ours, before anything is written. */
export const isCopyable = ({ foreign }: LearnerCommit): boolean => foreign.length === 0

export interface Sums extends SumsOf {
  topic: string
  /** Wait for the disk. */
  sync: boolean
}

/** Errors: STORE_UNREACHABLE (outcome unknown), STORE_REJECTED, STORE_SCHEMA. */
export async function copyCommit(store: DirectStore, of: Sums, c: LearnerCommit): Promise<CommitAnswer> {
  let copying = true
  try {
    return await store.transaction('strandline_learner_commit', async (client) => {
      // the checkpoint's lock first, as the function takes it: two who commit the same trades then wait in one order
      const status = await one<'ok' | 'fenced' | 'stale'>(client, FENCE, fenceOf(of, c))
      if (status !== 'ok') throw new RolledBack<CommitAnswer>({ status })
      await copyIn(client, LEDGER, ledgerRows(of, c))
      const fresh = c.dirty.filter((d) => !d.known && d.table.count(d.row) > 0)
      if (fresh.length > 0) await copyIn(client, SUMS, sumsRows(of, fresh))
      copying = false
      const answer = await one<CommitAnswer>(client, APPLY, applied(of, c))
      if (answer.status !== 'ok') throw new RolledBack(answer)
      return answer
    })
  } catch (error) {
    if (error instanceof RolledBack) return error.answer as CommitAnswer
    const { code, constraint } = (findStrandlineError(error)?.cause ?? {}) as pg.DatabaseError
    // later it is one of somebody else's: a trigger on an adopted table may write another
    if (code !== UNIQUE_VIOLATION || !copying) throw error
    if (constraint !== 'learner_ledger_pkey') return { status: 'stale' } // sums that were not there when they were read
    const known = await store.rpc<[id: string][]>('strandline_learner_ledger', {
      p_sums: of.sums,
      p_ids: `{${c.fresh.rows.map((row) => c.fresh.table.id(row))}}`,
    })
    return { status: 'seen', ids: known.map(([id]) => id) }
  }
}

const UNIQUE_VIOLATION = '23505'

async function one<T>(client: pg.ClientBase, text: string, values: unknown[]): Promise<T> {
  const { rows } = await client.query<{ it: T }>(text, values)
  return rows[0]!.it
}

async function copyIn(client: pg.ClientBase, text: string, rows: Buffer): Promise<void> {
  const stream = client.query(copyFrom(text))
  stream.end(rows)
  await finished(stream)
}

const FENCE = 'select strandline.fence($1, $2, $3, $4, $5, $6) as it'
const fenceOf = ({ consumer, topic }: Sums, { claim }: LearnerCommit) => [
  consumer,
  topic,
  claim.partition,
  claim.epoch,
  claim.version,
  claim.checkpoint ?? -1,
]

const LEDGER = `copy strandline.learner_ledger
  (event_id, "offset", closed_at_ms, rr, model_version, revision, partition, voided, levers) from stdin (format binary)`

function ledgerRows({ sums }: Sums, { claim, fresh }: LearnerCommit): Buffer {
  const { table } = fresh
  return copyRows<number>(9, nearIds(fresh), (writer, trade) => {
    writer.uuid(table.idBytes(trade))
    writer.int8(table.offset(trade))
    writer.int8(table.closedAt(trade))
    writer.float8(table.rr(trade))
    writer.int4(sums)
    writer.int4(table.revision(trade))
    writer.int2(claim.partition)
    writer.bool(table.isVoided(trade))
    writer.text(table.levers(trade))
  })
}

/** In the order of the first 32 bits of their ids: an index takes neighbours for less. */
function nearIds({ table, rows }: TradeSelection): number[] {
  const keys = Float64Array.from(rows, (trade, i) => table.firstOfId(trade) * rows.length + i)
  return Array.from(keys.sort(), (key) => rows[key % rows.length] as number)
}

const SUMS = `copy strandline.learner_partials
  (model_version, partition, period, n, newest_ms, ${SUMS_AMOUNTS}, scope, name, key) from stdin (format binary)`

function sumsRows({ sums }: Sums, fresh: DirtySums[]): Buffer {
  return copyRows<DirtySums>(16, fresh, (writer, { partition, period, group, table, row }) => {
    writer.int4(sums)
    writer.int2(partition)
    writer.int4(period)
    writer.int8(table.count(row))
    writer.int8(table.newest(row))
    for (const amount of SUMS_AMOUNTS) writer.float8(table.amount(row, amount))
    writer.text(group.scope)
    writer.text(group.name)
    writer.text(group.key)
  })
}

const APPLY = `select strandline.learner_commit($1, $2, $3, $4, $5, $6, $7, $8, true,
  '{}', '{}', '{}', '{}', '{}', '{}', '{}', $9,
  $10, $11, $12, $13, $14, $15, $16, ${SUMS_AMOUNTS.map((_, i) => `$${17 + i}`)}, '[]', $25, $26, $27, $28, $29, $30) as it`

function applied({ consumer, topic, sums, sync }: Sums, c: LearnerCommit): unknown[] {
  const { claim } = c
  const known = c.dirty.filter((d) => d.known)
  const column = (type: Parameters<typeof binaryArray>[0], write: (writer: BinaryWriter, d: DirtySums) => void) =>
    binaryArray(type, known, write)
  return [
    consumer,
    topic,
    claim.partition,
    claim.epoch,
    claim.version,
    c.next,
    c.commitId,
    sums,
    changedRows(c.changed),
    column('int2', (w, d) => w.int2(d.partition)),
    column('text', (w, d) => w.text(d.group.scope)),
    column('text', (w, d) => w.text(d.group.name)),
    column('text', (w, d) => w.text(d.group.key)),
    column('int4', (w, d) => w.int4(d.period)),
    column('int8', (w, d) => w.int8(d.table.count(d.row))),
    column('int8', (w, d) => w.int8(d.table.newest(d.row))),
    ...SUMS_AMOUNTS.map((amount) => column('float8', (w, d) => w.float8(d.table.amount(d.row, amount)))),
    JSON.stringify(c.dead),
    c.seen,
    claim.checkpoint ?? -1,
    sync,
    c.baseline ?? true,
    settlesText(c),
  ]
}

export const settlesText = ({ settles }: LearnerCommit): string | null =>
  settles ? JSON.stringify({ from: settles.from, refused: `{${settles.refused.join(',')}}` }) : null

/** As strandline.learner_commit() takes them by either way. */
export const changedRows = (changed: LearnerCommit['changed']): string =>
  JSON.stringify(
    changed.map((t) => ({
      event_id: t.id,
      offset: t.offset,
      closed_at_ms: t.closed_at,
      rr: t.rr,
      was: t.was,
      revision: t.revision,
      voided: t.voided,
      levers: t.levers,
    })),
  )
