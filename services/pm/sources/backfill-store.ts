/** What a backfill needs of the database: port, and its adapter over the database's functions (…_backfill.sql). In memory: memory-backfill.ts. */

import type { Waiting } from '../../../core/store/outbox-store.ts'
import type { Store } from '../../../core/store/store.ts'
import type { NamedTrade } from '../../../domain/foreign/trade-names.ts'
import { type BackfillReport, type Example, emptyReport, noteUnusable } from './backfill-report.ts'
import type { Scored } from './score-trades.ts'

export type Source = 'strands' | 'positions'

/** A trade that can be published; of a strand, or of a position's list. */
export type SourceTrade = Exclude<Scored, { error: unknown }> & { strand_id?: string }

/** Rows of a source behind a key. */
export interface SourcePage {
  /** Those of them that may hold a trade of somebody else: JSON as text. */
  rows: { id: string; text: string }[]
  visited: number
  last: string | null
  /** There may be another page. */
  more: boolean
  /** The database's clock, ms. */
  now: number
}

/** Where a run is. */
export interface RunPlace {
  source: Source
  after: string | null
  /** Rows of the source that were read. */
  visited: number
}

export interface RunState extends RunPlace {
  published: number
  known: number
  report: BackfillReport
}

/** A run, and who has it. */
export interface RunHolder {
  run: number
  owner: string
}

export interface BackfillStep {
  from: Pick<RunPlace, 'source' | 'after'>
  /** Where the run is behind this step. */
  to: RunPlace & { report: BackfillReport }
  trades: SourceTrade[]
}

export type StepAnswer =
  /** `refused`: what the database does not take. It keeps that with the run: a state that it tells has it in its report. */
  | { status: 'ok'; published: number; known: number; refused: Example[] }
  /** The run is not behind `from` (any more): it is at `state`. */
  | { status: 'stale'; state: RunState }
  /** Another process has it. */
  | { status: 'fenced' }

/** Errors of each: STORE_UNREACHABLE, STORE_REJECTED, STORE_SCHEMA. */
export interface BackfillStore {
  /** About how many rows each source has. */
  sizes(): Promise<Record<Source, number>>
  /** As many rows cost the same, whatever they are. `position_ids`: type of lowcap_positions.id. */
  strands(after: string | null, limit: number): Promise<SourcePage & { position_ids: string }>
  positions(after: string | null, limit: number): Promise<SourcePage>
  /** Takes the run that was broken off, or begins one. `since`: ISO 8601, or '' for everything. */
  begin(owner: string, since: string): Promise<{ run: number; resumed: boolean; state: RunState }>
  /** Trades into the outbox and the run behind them, in one transaction. A step that was taken is not taken twice. */
  step(holder: RunHolder, step: BackfillStep): Promise<StepAnswer>
  /** The run has read everything. Returns the newest row of the outbox that may be one of its trades; null: fenced. */
  end(holder: RunHolder, report: BackfillReport): Promise<number | null>
  /** Places of those that the log has, by either name. */
  known(events: readonly NamedTrade[]): Promise<number[]>
  /** Trades of backfills that are not published yet, up to this row of the outbox; counted to 100,000. */
  waiting(lastOutbox: number): Promise<Waiting>
}

interface Refused {
  strand_id: string | null
  position_id: string
  trade_id: string
  reason: string
}
/** `refused`: by the newest step; its report was sent before anybody knew. */
type KeptRun = Omit<RunState, 'report'> & { report: Partial<BackfillReport>; refused: Refused[] }
type RawAnswer =
  | { status: 'ok'; published: number; known: number; refused: Refused[] }
  | { status: 'page' }
  | ({ status: 'fenced' | 'stale' } & KeptRun)

export function createBackfillStore(store: Store): BackfillStore {
  async function page<T extends SourcePage>(fn: string, column: string, p_after: string | null, p_limit: number) {
    const raw = await store.rpc<Omit<T, 'rows'> & { rows: Record<string, string>[] }>(fn, { p_after, p_limit })
    return { ...raw, rows: raw.rows.map((row) => ({ id: row.id, text: row[column] })) } as T
  }
  return {
    sizes: () => store.rpc('strandline_backfill_sizes', {}),
    strands: (after, limit) => page('strandline_backfill_strands', 'strand', after, limit),
    positions: (after, limit) => page('strandline_backfill_positions', 'position', after, limit),
    async begin(owner, since) {
      const { run, resumed, ...kept } = await store.rpc<KeptRun & { run: number; resumed: boolean }>(
        'strandline_backfill_begin',
        { p_owner: owner, p_since: since },
      )
      return { run, resumed, state: stateOf(kept) }
    },
    async step({ run, owner }, { from, to, trades }) {
      const args = {
        p_run: run,
        p_owner: owner,
        p_step: JSON.stringify({ in: from.source, from: from.after, ...to }),
        p_rows: JSON.stringify(trades),
      }
      let answer = await store.rpc<RawAnswer>('strandline_backfill_step', { ...args, p_each: false })
      if (answer.status === 'page')
        answer = await store.rpc<RawAnswer>('strandline_backfill_step', { ...args, p_each: true })
      if (answer.status === 'stale') return { status: 'stale', state: stateOf(answer) }
      if (answer.status !== 'ok') return { status: 'fenced' }
      return { ...answer, refused: answer.refused.map(exampleOf) }
    },
    async end({ run, owner }, report) {
      const ended = await store.rpc<{ status: string; last_outbox: number }>('strandline_backfill_end', {
        p_run: run,
        p_owner: owner,
        p_report: JSON.stringify(report),
      })
      return ended.status === 'ok' ? ended.last_outbox : null
    },
    known: (events) => store.rpc('strandline_backfill_known', { p_events: JSON.stringify(events) }),
    waiting: (lastOutbox) => store.rpc('strandline_backfill_waiting', { p_last: lastOutbox }),
  }
}

function stateOf({ source, after, visited, published, known, report: sent, refused }: KeptRun): RunState {
  const report = { ...emptyReport(), ...sent }
  for (const one of refused) noteUnusable(report, exampleOf(one))
  return { source, after, visited, published, known, report }
}

function exampleOf({ strand_id, position_id, trade_id, reason }: Refused): Example {
  const why = `The database refused it: ${reason}.`
  if (strand_id !== null) return { in: 'strand', id: strand_id, trade_id, why }
  return { in: 'position', id: position_id, trade_id, why }
}
