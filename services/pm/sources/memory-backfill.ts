/** A backfill in memory: the rules of `strandline_backfill_*`. Not modelled: pages that are cut by their size, and rows that the database refuses. */
import { asJson, type MemoryDatabase } from '../../../core/store/memory/database.ts'
import { eventOfTrade, newestOf, outboxOf } from '../../../core/store/memory/outbox.ts'
import { positionsOf } from '../../../core/store/memory/positions.ts'
import { strandTables } from '../../../core/store/memory/strands.ts'
import { waitingOf } from '../memory-outbox.ts'
import { emptyReport } from './backfill-report.ts'
import type { BackfillStore, RunHolder, RunState } from './backfill-store.ts'
import { strandText, takeTrades } from './memory-trades.ts'

interface Run extends RunState {
  run: number
  since: string
  owner: string
  finished: boolean
  last_outbox: number | null
}

const NOBODY = { relay: null, leaseMs: 0 }
const MOST_WAITING = 100_000

export function createMemoryBackfill(db: MemoryDatabase): BackfillStore {
  const runs = db.table<Run>('backfill_runs')
  const put = (run: Run) => runs.put(String(run.run), run)
  const held = ({ run, owner }: RunHolder): Run | null => {
    const row = runs.get(String(run))
    return row?.owner === owner ? row : null
  }
  /** @param text what is handed out of a row; null: nothing in it is for a backfill */
  function page<Row extends { id: string }>(
    all: Row[],
    after: string | null,
    limit: number,
    text: (row: Row) => string | null,
  ) {
    const seen = all
      .filter((row) => after === null || row.id > after)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit)
    const rows = seen.flatMap((row) => {
      const found = text(row)
      return found === null ? [] : [{ id: row.id, text: found }]
    })
    return { rows, visited: seen.length, last: seen.at(-1)?.id ?? null, more: seen.length === limit, now: db.now() }
  }

  return {
    async sizes() {
      return { strands: strandTables(db).adStrands.rows().length, positions: positionsOf(db).rows().length }
    },
    async strands(after, limit) {
      const { adStrands, strands } = strandTables(db)
      const ours = new Set(strands.rows().flatMap((s) => (s.adopted ? [] : [s.strand_id])))
      const text = (s: { id: string; kind: string | null }) =>
        s.kind === 'position_closed' && !ours.has(s.id) ? strandText(s) : null
      return { ...page(adStrands.rows(), after, limit, text), position_ids: 'text' }
    },
    positions: async (after, limit) =>
      page(positionsOf(db).rows(), after, limit, (p) => {
        if (p.completed_trades.length === 0) return null
        const { id, token_ticker, token_contract, token_chain, timeframe, side } = p
        const { entry_context, regime_context, completed_trades } = p
        const of = { id, token_ticker, token_contract, token_chain, timeframe, side, entry_context, regime_context }
        return JSON.stringify({ ...of, completed_trades, running: p.total_quantity > 0 || p.status === 'active' })
      }),
    begin: async (owner, since) =>
      db.transaction(() => {
        const open = runs.rows().findLast((r) => !r.finished && r.since === since)
        const start = { source: 'strands', after: null, visited: 0, published: 0, known: 0 } as const
        const run = open
          ? { ...open, owner }
          : {
              ...{ ...start, report: emptyReport(), since, owner },
              ...{ run: db.nextId('backfill_runs'), finished: false, last_outbox: null },
            }
        put(run)
        return { run: run.run, resumed: open !== undefined, state: stateOf(run) }
      }),
    step: async (holder, { from, to, trades }) =>
      db.transaction(() => {
        const run = held(holder)
        if (!run || run.finished) return { status: 'fenced' }
        if (run.source !== from.source || run.after !== from.after) return { status: 'stale', state: stateOf(run) }
        const { added: published, known } = takeTrades(db, trades, NOBODY)
        put({ ...run, ...asJson(to), published: run.published + published, known: run.known + known })
        return { status: 'ok', published, known, refused: [] }
      }),
    end: async (holder, report) =>
      db.transaction(() => {
        const run = held(holder)
        if (!run) return null
        const newest = outboxOf(db)
          .rows()
          .reduce((max, row) => Math.max(max, row.id), 0)
        const last_outbox = run.last_outbox ?? newest
        put({ ...run, finished: true, report: asJson(report), last_outbox })
        return last_outbox
      }),
    known: async (events) => events.flatMap((event, i) => (newestOf(db, eventOfTrade(db, event)) ? [i] : [])),
    async waiting(lastOutbox) {
      const rows = outboxOf(db)
        .rows()
        .filter((r) => r.published_at === null && r.id <= lastOutbox && r.payload?.source === 'backfill')
        .slice(0, MOST_WAITING)
      return waitingOf(rows)
    },
  }
}

const stateOf = ({ source, after, visited, published, known, report }: Run): RunState =>
  asJson({ source, after, visited, published, known, report })
