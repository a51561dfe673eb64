/** What an import says, for a person and for a program. Pure. */
import type { Baseline } from '../core/store/learned.ts'
import type { PositionClosed } from '../domain/event.ts'
import type { Model } from '../domain/learning/model.ts'
import type { WeighedRow } from '../domain/learning/offline.ts'
import { learnedOutcome, outcomeSource } from '../domain/learning/outcome.ts'
import type { LearnedTrades } from '../services/learner/learned-trades.ts'
import { type OutcomeText, outcomeText } from './outcome-text.ts'
import { number, table } from './table.ts'
import { trustText } from './trust-text.ts'

export interface ImportSummary {
  file: string
  dry_run: boolean
  read: number
  /** Trades that were still open, which are not imported. */
  open: number
  scored: number
  unscored: number
  /** Events that the log did not have; null in a dry run, which asks nobody. */
  new: number | null
  already_known: number | null
  /** Trades that the log has under another name: without an id, by their entry, or with one. */
  under_another_name: number | null
  /** Known trades that got their R/R, or what they came to in money, now; among the new events. */
  rescored: number | null
  /** Of a backtest that was imported before: trades that came out otherwise, those that it has no more, and those that stay as a person made them. null: it was not compared. */
  changed: number | null
  retracted: number | null
  kept: number | null
  /** The model that was to learn them, and what it has learned of them by now; null in a dry run. */
  model: string | null
  learned: LearnedTrades | null
  /** The model whose coefficients readers see. */
  active_model: string | null
}

/** One trade of `import freqtrade --json`. Times ISO 8601; returns, drawdown, gain and risk are ratios; fees and stake in the quote currency. */
export function tradeRow(event: PositionClosed) {
  const { position_id, trade_id, symbol, entry_price, exit_price, max_drawdown, max_gain, rr, unscored_reason } = event
  return {
    position_id,
    trade_id,
    symbol,
    opened_at: new Date(event.opened_at).toISOString(),
    closed_at: new Date(event.closed_at).toISOString(),
    entry_price,
    exit_price,
    return: event.return,
    max_drawdown,
    max_gain,
    rr,
    unscored_reason,
    net_return: event.net_return,
    fees: event.fees,
    stake: event.stake,
    risk_at_entry: event.risk_at_entry,
  }
}

/** What the model knows now: its baseline, and its levers. */
export interface Knowledge {
  global_rr: Baseline
  levers: WeighedRow[]
}

/** @param model that learns them; @param dataDir the stack's folder, where it was named; @param knows nothing in a dry run */
export function importText(
  events: PositionClosed[],
  model: Model,
  s: ImportSummary,
  { dataDir, knows }: { dataDir?: string; knows?: Knowledge } = {},
): string {
  const lines = [`${s.file}: ${count(s.read, 'trade')} read, ${s.scored} scored, ${s.unscored} not.`]
  if (s.open > 0) lines.push(`${count(s.open, 'trade')} still open: left out.`)
  lines.push(...unscoredText(events))
  lines.push(...bySymbol(events, model))
  if (s.dry_run) lines.push('Nothing was imported (--dry-run).')
  else {
    const rescored = s.rescored
      ? ` (${s.rescored} of them for known trades: the R/R, or the money, that they lacked)`
      : ''
    const replaced = s.changed || s.retracted ? ` ${s.changed} replaced, ${s.retracted} retracted.` : ''
    lines.push(
      `${s.new} new${rescored}, ${s.already_known} already known.${replaced}`,
      ...(s.under_another_name
        ? [
            `The log has ${count(s.under_another_name, 'trade')} of these under another name (without an id, or with one): each is one trade.`,
          ]
        : []),
      ...learnedText(s, model, dataDir, knows),
    )
  }
  return lines.join('\n')
}

const NAMED = 10

/** What is learned of them, and how to look at it. */
function learnedText(
  { model, learned, active_model }: ImportSummary,
  { definition }: Model,
  dataDir?: string,
  knows?: Knowledge,
): string[] {
  if (!learned) return []
  const outcome = outcomeText(learnedOutcome(definition))
  const { scored, unscored, not_learned } = learned
  const lines = [
    `Learned under ${model}: ${count(scored, 'trade')} ${scored === 1 ? 'counts' : 'count'} in its coefficients, ${unscored} without ${outcome.one} in none.`,
    ...not_learned
      .slice(0, NAMED)
      .map((t) => `  not learned: ${[t.position_id || t.event_id, t.trade_id].filter(Boolean).join(' ')}: ${t.why}.`),
  ]
  if (not_learned.length > NAMED) lines.push(`  … and ${not_learned.length - NAMED} more: --json names all of them.`)
  lines.push(...knowledgeText(model, outcome, knows))
  const folder = dataDir === undefined ? '' : ` --data-dir ${dataDir}`
  lines.push(`Look at it: ./strandline coefficients --model ${model}${folder}`)
  if (active_model !== model)
    lines.push(
      `Allocations follow ${active_model ?? 'no model yet'}, not ${model}. To switch: ./strandline promote ${model}${folder}`,
    )
  else lines.push(`${model} is the active model: allocations follow it.`)
  return lines
}

const FEWEST = 3
const STRONGEST = 8

/** The levers that differ most from the rest, of those with a few trades. */
function knowledgeText(model: string | null, outcome: OutcomeText, knows?: Knowledge): string[] {
  if (!knows || knows.global_rr.n === 0) return []
  const { global_rr, levers } = knows
  const far = ({ weight }: WeighedRow) => Math.abs(Math.log(weight))
  const strongest = levers
    .filter((row) => row.n >= FEWEST && row.weight !== 1)
    .sort((a, b) => far(b) - far(a))
    .slice(0, STRONGEST)
  const lines = [
    '',
    `${model} now: ${outcome.title} ${outcome.value(global_rr.rr_short)} over ${count(global_rr.n, 'trade')}.`,
  ]
  if (strongest.length > 0) lines[1] += ` What differs most from that, of ${levers.length} lever values:`
  const believes = knows.levers.some((row) => row.trust < 1)
  const rows = strongest.map((r) => [
    r.name,
    r.key,
    number(r.weight),
    ...(believes ? [trustText(r.trust)] : []),
    outcome.cell(r.rr_short),
    String(r.n),
  ])
  const right = 'right' as const
  const columns = [
    { title: 'lever' },
    { title: 'value' },
    { title: 'weight', align: right },
    ...(believes ? [{ title: 'trust', align: right }] : []),
    { title: outcome.heading(), align: right },
    { title: 'n', align: right },
  ]
  return [...lines, ...(rows.length > 0 ? table(columns, rows) : []), '']
}

const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`

/** One line per reason: the symbols that lack candles are what a person can mend. */
function unscoredText(events: PositionClosed[]): string[] {
  const reasons = new Map<string, Set<string>>()
  for (const { unscored_reason, symbol, event_id } of events) {
    if (unscored_reason === null) continue
    reasons.set(unscored_reason, (reasons.get(unscored_reason) ?? new Set()).add(symbol || event_id))
  }
  return [...reasons].map(
    ([reason, who]) =>
      `  not scored, ${reason}: ${[...who].slice(0, 10).join(', ')}${who.size > 10 ? ` and ${who.size - 10} more` : ''}`,
  )
}

/** More are not looked through. */
const SYMBOLS = 50

/** What the trades of each symbol came to: R/R, and what the model learns where that is something else. Nothing where none has either. */
function bySymbol(events: PositionClosed[], model: Model): string[] {
  const rr: Shown = { text: outcomeText('rr'), of: (event) => event.rr }
  const learned = learnedOutcome(model.definition)
  const outcome: Shown = { text: outcomeText(learned), of: (event) => outcomeOf(model, event) }
  const shown = learned === 'rr' ? [rr] : [rr, outcome]
  const symbols = Map.groupBy(
    events.filter((event) => shown.some(({ of }) => of(event) !== null)),
    ({ symbol, timeframe }) => symbol || timeframe,
  )
  if (symbols.size === 0 || symbols.size > SYMBOLS) return []
  const columns = shown.map(({ text }) => ({ title: `mean ${text.heading()}`, align: 'right' as const }))
  const rows = [...symbols]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, trades]) => [
      name,
      String(trades.length),
      ...shown.map(({ text, of }) => text.cell(mean(trades.flatMap((event) => of(event) ?? [])))),
    ])
  return ['', ...table([{ title: '' }, { title: 'trades', align: 'right' }, ...columns], rows), '']
}

interface Shown {
  text: OutcomeText
  of(event: PositionClosed): number | null
}

const outcomeOf = (model: Model, event: PositionClosed) => model.outcomeOf(outcomeSource(event))

const mean = (numbers: number[]) => (numbers.length === 0 ? null : numbers.reduce((a, b) => a + b, 0) / numbers.length)
