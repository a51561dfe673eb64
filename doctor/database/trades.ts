/** Closed trades of the old tables that the log does not have. Read as backfill reads them: the same trade has the same event id everywhere. */
import { findStrandlineError } from '../../core/errors.ts'
import { eventUuid } from '../../core/event.ts'
import { firstText, objectOf, textOf } from '../../services/pm/sources/foreign-json.ts'
import { tradesOfPosition } from '../../services/pm/sources/position-trades.ts'
import { type StrandPosition, tradeOfStrand } from '../../services/pm/sources/strand-event.ts'
import { count, type Finding, info, warning } from '../finding.ts'
import type { Ask } from './read-only.ts'
import type { TableFacts } from './shared-tables.ts'

export interface TradeFacts {
  /** Distinct closed trades in completed_trades and in position_closed strands. */
  trades: number
  /** Of them: not in the outbox, so neither in the log nor on the way. */
  missing: number
  /** Elements and strands that are no trade. */
  unusable: number
  /** What the first of those lacks. */
  reason: string | null
  /** There was not the time to look at all of them. */
  cut: boolean
}

const PAGE = 500
/** So long it is looked. Milliseconds. */
const PATIENCE_MS = 10_000

export type OldRow = Record<string, unknown> & { id: string }

/** Where the rows come from. */
export interface TradeSource {
  /** Rows of a table that may hold closed trades, page by page. */
  pages(table: 'lowcap_positions' | 'ad_strands'): AsyncGenerator<OldRow[]>
  /** How many of these events are in the outbox. */
  known(ids: string[]): Promise<number>
}

/** @param tables those that can be read */
export async function lookAtTrades(source: TradeSource, tables: string[], now: () => number): Promise<TradeFacts> {
  const until = now() + PATIENCE_MS
  const facts: TradeFacts = { trades: 0, missing: 0, unusable: 0, reason: null, cut: false }
  const seen = new Set<string>()
  /** What a strand does not say itself, its position may. */
  const positions = new Map<string, StrandPosition>()
  for (const table of ['lowcap_positions', 'ad_strands'] as const) {
    if (!tables.includes(table)) continue
    for await (const rows of source.pages(table)) {
      const fresh: string[] = []
      for (const row of rows) {
        if (table === 'lowcap_positions') positions.set(row.id, toldByPosition(row))
        for (const one of table === 'ad_strands' ? [ofStrand(row, positions, now())] : ofPosition(row, now())) {
          if ('problem' in one) {
            facts.unusable++
            facts.reason ??= one.problem
          } else if (!seen.has(one.id)) {
            seen.add(one.id)
            fresh.push(one.id)
          }
        }
      }
      facts.trades += fresh.length
      facts.missing += fresh.length - (await source.known(fresh))
      if (now() > until) return { ...facts, cut: true }
    }
  }
  return facts
}

/** @param known the outbox is there, and can be read */
export function tradesInDatabase(ask: Ask, tables: TableFacts[], known: boolean): TradeSource {
  return {
    async *pages(name) {
      const columns = tables.find((t) => t.name === name)?.columns ?? []
      const type = columns.find((c) => c.name === 'id')?.base
      const holding = name === 'ad_strands' ? 'kind' : 'completed_trades'
      if (type === undefined || !columns.some((c) => c.name === holding)) return
      const closed =
        name === 'ad_strands'
          ? `t.kind = 'position_closed'`
          : `coalesce(t.completed_trades::text, '') not in ('', '[]', '{}', 'null')`
      for (let after: string | null = null; ; ) {
        const rows: { id: string; row: OldRow }[] = await ask(
          `select t.id::text as id, to_jsonb(t) as row from public.${name} t
           where ${closed} and ($1::text is null or t.id > $1::${type}) order by t.id limit ${PAGE}`,
          [after],
        )
        if (rows.length > 0) yield rows.map(({ id, row }) => ({ ...row, id }))
        if (rows.length < PAGE) return
        after = rows.at(-1)!.id
      }
    },
    async known(ids) {
      if (!known) return 0
      const [found] = await ask<{ n: number }>(
        'select count(distinct event_id)::integer as n from strandline.pm_outbox where event_id = any($1)',
        [ids],
      )
      return found!.n
    },
  }
}

type Read = { id: string } | { problem: string }

function ofStrand(row: OldRow, positions: Map<string, StrandPosition>, now: number): Read {
  const position = positions.get(firstText(row.position_id, objectOf(row.content)?.position_id))
  try {
    return { id: eventUuid(tradeOfStrand(row, { now, position }).event.event_id) }
  } catch (error) {
    const known = findStrandlineError(error)
    if (!known) throw error
    return { problem: known.message }
  }
}

const toldByPosition = (row: OldRow): StrandPosition => ({
  timeframe: textOf(row.timeframe),
  token_ticker: textOf(row.token_ticker),
  token_contract: textOf(row.token_contract),
  token_chain: textOf(row.token_chain),
})

function ofPosition(row: OldRow, now: number): Read[] {
  return tradesOfPosition({ ...row, completed_trades: row.completed_trades }, now).map((one) =>
    'problem' in one ? { problem: one.problem } : { id: eventUuid(one.trade.event.event_id) },
  )
}

export function judgeTrades({ trades, missing, unusable, reason, cut }: TradeFacts, migrated: boolean): Finding[] {
  const looked = cut
    ? `Of the first ${count(trades, 'closed trade')} of the old tables (there are more, and there was no time for them)`
    : `Of ${count(trades, 'closed trade')} of the old tables`
  const found: Finding[] = []
  if (trades === 0 && unusable === 0) return [info('backfill', 'The old tables have no closed trade.')]
  if (missing === 0) found.push(info('backfill', `${looked}, every one is in the log or on the way.`))
  else
    found.push(
      (migrated ? warning : info)(
        'backfill',
        `${looked}, ${count(missing, 'is', 'are')} not in the log.`,
        `${migrated ? '' : 'After migrate: '}./strandline backfill --dry-run says which; ./strandline backfill publishes them.`,
      ),
    )
  if (unusable > 0)
    found.push(
      info(
        'backfill',
        `${count(unusable, 'entry', 'entries')} there ${unusable === 1 ? 'is' : 'are'} no trade that can be learned from; the first: ${reason}`,
      ),
    )
  return found
}
