/** Closed trades of the old tables that the log does not have. Read as backfill reads them: the same trade has the same event id everywhere. */
import { findStrandlineError } from '../../core/errors.ts'
import { eventUuid, type PositionClosed } from '../../domain/event.ts'
import { firstText, objectOf, textOf } from '../../domain/foreign/json.ts'
import { tradesOfPosition } from '../../domain/foreign/position-trades.ts'
import { type StrandPosition, tradeOfStrand } from '../../domain/foreign/strand-event.ts'
import {
  createTradeNames,
  hasEntry,
  type NamedTrade,
  SAME_EXIT_MS,
  tradeName,
} from '../../domain/foreign/trade-names.ts'
import { withNativePosition } from '../../services/pm/sources/read-strands.ts'
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
const READ_FOR_MS = 10_000

export type OldRow = Record<string, unknown> & { id: string }

/** Where the rows come from. */
export interface TradeSource {
  /** Rows of a table that may hold closed trades, page by page. */
  pages(table: 'lowcap_positions' | 'ad_strands'): AsyncGenerator<OldRow[]>
  /** How many of these trades are in the outbox. */
  known(trades: NamedTrade[]): Promise<number>
}

/** @param tables those that can be read */
export async function inspectTrades(source: TradeSource, tables: string[], now: () => number): Promise<TradeFacts> {
  const until = now() + READ_FOR_MS
  let late = false
  const facts: TradeFacts = { trades: 0, missing: 0, unusable: 0, reason: null, cut: false }
  const seen = seenTrades()
  /** What a strand does not say itself, its position may. */
  const positions = new Map<string, StrandPosition>()
  for (const table of ['lowcap_positions', 'ad_strands'] as const) {
    if (!tables.includes(table)) continue
    for await (const rows of source.pages(table)) {
      if (late) return { ...facts, cut: true }
      const fresh: NamedTrade[] = []
      for (const row of rows) {
        if (table === 'lowcap_positions') positions.set(row.id, factsOfPosition(row))
        for (const one of table === 'ad_strands' ? [ofStrand(row, positions, now())] : ofPosition(row, now())) {
          if ('problem' in one) {
            facts.unusable++
            facts.reason ??= one.problem
          } else if (seen(one.trade)) fresh.push(one.trade)
        }
      }
      facts.trades += fresh.length
      facts.missing += fresh.length - (await source.known(fresh))
      late = now() > until
    }
  }
  return facts
}

/** @param known the outbox is there, and can be read */
export function tradesInDatabase(ask: Ask, tables: TableFacts[], known: boolean): TradeSource {
  return {
    async *pages(name) {
      const columnsOf = (table: string) => tables.find((t) => t.name === table)?.columns ?? []
      const columns = columnsOf(name)
      const positions = columnsOf('lowcap_positions').find((c) => c.name === 'id')?.base ?? 'text'
      const type = columns.find((c) => c.name === 'id')?.base
      const holding = name === 'ad_strands' ? 'kind' : 'completed_trades'
      if (type === undefined || !columns.some((c) => c.name === holding)) return
      const closed =
        name === 'ad_strands'
          ? `t.kind = 'position_closed'`
          : `coalesce(t.completed_trades::text, '') not in ('', '[]', '{}', 'null')`
      for (let after: string | null = null; ; ) {
        // as text: a json column may hold what no jsonb can, and numbers more digits than JavaScript's
        const rows: { id: string; row: string }[] = await ask(
          `select t.id::text as id, row_to_json(t)::text as row from public.${name} t
           where ${closed} and ($1::text is null or t.id > $1::${type}) order by t.id limit ${PAGE}`,
          [after],
        )
        const whole = rows.map(({ id, row }): OldRow => ({ ...objectOf(row), id }))
        if (rows.length > 0)
          yield name === 'ad_strands' ? whole.map((row) => withNativePosition(row, positions)) : whole
        if (rows.length < PAGE) return
        after = rows.at(-1)!.id
      }
    },
    async known(trades) {
      if (!known) return 0
      // as strandline.event_of_trade has it, which not everybody who may read may call
      const [found] = await ask<{ n: number }>(
        `select count(*)::integer as n
        from jsonb_to_recordset($1) as g (event_id text, position_id text, trade_id text, opened_at bigint, closed_at bigint, entered boolean)
        where exists (select from strandline.pm_outbox o where o.event_id = g.event_id)
          or (g.entered and exists (
            select from (
              select e.trade_id, e.event_id, e.closed_at from strandline.trade_entries e where e.position_id = g.position_id and e.opened_at = g.opened_at
              union all
              select n.trade_id, n.event_id, n.closed_at from strandline.trade_names n
              where n.position_id = g.position_id and n.opened_at = g.opened_at and n.same_as is null) c
            where c.trade_id <> g.trade_id and 'entry-' || g.opened_at in (c.trade_id, g.trade_id) and abs(c.closed_at - g.closed_at) <= ${SAME_EXIT_MS}
              and not exists (select from strandline.trade_names o
                where o.position_id = g.position_id and o.opened_at = g.opened_at and o.same_as = c.event_id and o.trade_id <> g.trade_id)))`,
        [JSON.stringify(trades.map((t) => ({ ...t, trade_id: tradeName(t), entered: hasEntry(t) })))],
      )
      return found!.n
    },
  }
}

type Read = { trade: NamedTrade } | { problem: string }

const named = ({ event_id, revision, position_id, trade_id, opened_at, closed_at }: PositionClosed): NamedTrade => ({
  event_id: eventUuid(event_id),
  revision,
  position_id,
  trade_id,
  opened_at,
  closed_at,
})

/** Whether a trade is met for the first time: one place names it by its id, another by its entry. */
function seenTrades(): (trade: NamedTrade) => boolean {
  const events = new Set<string>()
  const nameOf = createTradeNames()
  return (trade) => {
    const event = nameOf(trade)
    if (events.has(event)) return false
    events.add(event)
    return true
  }
}

function ofStrand(row: OldRow, positions: Map<string, StrandPosition>, now: number): Read {
  const position = positions.get(firstText(row.position_id, objectOf(row.content)?.position_id))
  try {
    return { trade: named(tradeOfStrand(row, { now, position }).event) }
  } catch (error) {
    const known = findStrandlineError(error)
    if (!known) throw error
    return { problem: known.message }
  }
}

const factsOfPosition = (row: OldRow): StrandPosition => ({
  timeframe: textOf(row.timeframe),
  token_ticker: textOf(row.token_ticker),
  token_contract: textOf(row.token_contract),
  token_chain: textOf(row.token_chain),
  side: textOf(row.side),
})

function ofPosition(row: OldRow, now: number): Read[] {
  return tradesOfPosition({ ...row, completed_trades: row.completed_trades }, now).map((one) =>
    'problem' in one ? { problem: one.problem } : { trade: named(one.trade.event) },
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
