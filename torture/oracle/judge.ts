/** Compares what was closed, what the log says, and what the stores hold. Knows the definitions, and nothing of how they are kept. */

import type { ClosedTrade } from '../load/event.ts'
import type { Close } from '../load/trader.ts'
import { type Coefficients, coefficientsOf, groupKey, isLearned, type Mean } from './coefficients.ts'
import { type Log, placeOf } from './log.ts'
import { scoreOf } from './score.ts'
import type { Stores } from './stores.ts'

/** One thing that is not as it must be. */
export interface Finding {
  kind: 'lost' | 'double' | 'wrong'
  what: string
  /** The trade that it concerns, where there is one. */
  event_id?: string
}

export interface Judgement {
  /** Trades that a PM, or the broker, has acknowledged. */
  closed: number
  /** Trades that the log has. */
  in_log: number
  /** Trades of the log whose newest revision the ledger has. */
  applied: number
  /** Strands that the log asks for, and those that it does not explain. */
  strands: { missing: number; extra: number }
  dead_letters: { expected: number; found: number }
  findings: Finding[]
}

export interface Acknowledged {
  closes: Close[]
  /** Of each trade the highest revision. */
  published: ReadonlyMap<string, number>
}

const CLOSE = 1e-9

export function judge({ closes, published }: Acknowledged, log: Log, stores: Stores): Judgement {
  const findings: Finding[] = []
  const find = (kind: Finding['kind'], what: string, event_id?: string) => findings.push({ kind, what, event_id })

  const acknowledged = new Set([...closes.map((c) => c.event.event_id), ...published.keys()])
  for (const id of acknowledged) {
    const logged = log.trades.get(id)?.event.revision
    if (logged === undefined) find('lost', 'closed, and not in the log', id)
    else if (logged < (published.get(id) ?? 0))
      find('lost', `its revision ${published.get(id)} was acknowledged, and the log has ${logged}`, id)
  }
  judgeScores(closes, log, find)
  const learned = [...log.trades.values()].map((t) => t.event).filter(isLearned)
  const applied = judgeLedger(learned, stores, find)
  judgeCoefficients(coefficientsOf(learned), stores, find)
  const strands = judgeStrands(log, stores, find)
  judgeOutbox(log, stores, find)
  for (const { id, trades } of stores.positions)
    find(trades > 1 ? 'double' : 'lost', `the position ${id} has ${trades} trades, not one`)
  return {
    closed: acknowledged.size,
    in_log: log.trades.size,
    applied: applied + log.trades.size - learned.length,
    strands,
    dead_letters: judgeLetters(log, stores, find),
    findings,
  }
}

type Find = (kind: Finding['kind'], what: string, event_id?: string) => void

/** The PM's own arithmetic. Of a provisional score, that of the revision which replaced it counts: nobody else revises such a trade. */
function judgeScores(closes: Close[], log: Log, find: Find): void {
  for (const { trade, event } of closes) {
    const rr = scoreOf(trade)
    const { rr: final } = (event.provisional && log.trades.get(event.event_id)?.event) || event
    if (!same(rr, final)) find('wrong', `closed with R/R ${final}, and its bars say ${rr}`, event.event_id)
  }
}

function judgeLedger(learned: ClosedTrade[], { ledger }: Stores, find: Find): number {
  const rows = new Map(ledger.map((row) => [row.event_id, row]))
  let applied = 0
  for (const trade of learned) {
    const row = rows.get(trade.event_id)
    rows.delete(trade.event_id)
    if (!row) find('lost', 'in the log, and not in the ledger', trade.event_id)
    else if (row.revision < trade.revision)
      find('lost', `the ledger has revision ${row.revision}, the log ${trade.revision}`, trade.event_id)
    else {
      applied++
      if (
        row.revision !== trade.revision ||
        row.voided !== trade.voided ||
        Number(row.closed_at) !== trade.closed_at ||
        !same(row.rr, trade.rr)
      )
        find('wrong', `the ledger has ${JSON.stringify(row)}`, trade.event_id)
    }
  }
  for (const id of rows.keys()) find('wrong', 'in the ledger, and not in the log', id)
  return applied
}

function judgeCoefficients({ baseline, groups }: Coefficients, stores: Stores, find: Find): void {
  const differs = (a: Mean, b: Mean) => a.n !== b.n || !same(a.rr_short, b.rr_short) || !same(a.rr_long, b.rr_long)
  const { n = 0 } = stores.baseline ?? {}
  const expected = baseline?.n ?? 0
  if (n > expected)
    for (let i = expected; i < n; i++) find('double', `the baseline counts ${n} trades, the log has ${expected}`)
  else if (n < expected)
    for (let i = n; i < expected; i++) find('lost', `the baseline counts ${n} trades, the log has ${expected}`)
  else if (baseline && stores.baseline && differs(baseline, stores.baseline))
    find('wrong', `the baseline is ${JSON.stringify(stores.baseline)}, not ${JSON.stringify(baseline)}`)
  const open = new Map(groups)
  for (const { scope, name, key, ...row } of stores.coefficients) {
    const id = groupKey(scope, name, key)
    const right = open.get(id)
    open.delete(id)
    const found = { ...row, n: Number(row.n) }
    if (!right) find('wrong', `the coefficient ${id} is none: no trade counts for it`)
    else if (differs(right, found) || !same(right.weight, found.weight))
      find('wrong', `the coefficient ${id} is ${JSON.stringify(found)}, not ${JSON.stringify(right)}`)
  }
  for (const id of open.keys()) find('wrong', `the coefficient ${id} is missing`)
}

function judgeStrands(log: Log, stores: Stores, find: Find): Judgement['strands'] {
  const strands = { missing: 0, extra: 0 }
  const seen = new Set<string>()
  for (const row of stores.strands) {
    const trade = log.trades.get(row.event_id ?? '')?.event
    if (!trade) {
      strands.extra++
      find('wrong', `the strand ${row.id} is of no trade of the log`, row.event_id ?? undefined)
    } else if (seen.has(trade.event_id)) {
      strands.extra++
      find('double', `the strand ${row.id} is a second one of its trade`, trade.event_id)
    } else if (
      row.revision !== trade.revision ||
      row.status !== (trade.voided ? 'voided' : 'active') ||
      !same(row.rr, trade.rr) ||
      Number(row.exit_ms) !== trade.closed_at
    )
      find('wrong', `its strand is ${JSON.stringify(row)}`, trade.event_id)
    if (trade) seen.add(trade.event_id)
  }
  for (const id of log.trades.keys()) {
    if (seen.has(id)) continue
    strands.missing++
    find('lost', 'in the log, and without a strand', id)
  }
  return strands
}

/** What is marked as published lies where the mark says; nothing waits; no position closed twice. */
function judgeOutbox(log: Log, { outbox }: Stores, find: Find): void {
  const events = new Map<string, string>()
  for (const { event_id, revision, position_id, partition, offset, published } of outbox) {
    if (!published) find('lost', `revision ${revision} waits in the outbox`, event_id)
    else if (log.at.get(placeOf(partition ?? -1, Number(offset))) !== `${event_id}/${revision}`)
      find('wrong', `revision ${revision} is marked as published at ${partition}/${offset}, and is not there`, event_id)
    if (position_id === null) continue
    const other = events.get(position_id)
    if (other !== undefined && other !== event_id) find('double', `the position ${position_id} closed twice`, event_id)
    events.set(position_id, event_id)
  }
}

function judgeLetters(log: Log, { deadLetters, letters }: Stores, find: Find): Judgement['dead_letters'] {
  for (const place of log.refusedOfPm) find('wrong', `a PM wrote the record at ${place}: ${log.refused.get(place)}`)
  const rows = new Set(deadLetters.map((d) => placeOf(d.partition, Number(d.offset))))
  const sent = new Set(
    letters.map((l) => `${l.headers['__connect.errors.partition']}/${l.headers['__connect.errors.offset']}`),
  )
  let found = 0
  for (const [place, why] of log.refused) {
    if (rows.has(place) && sent.has(place)) found++
    if (!rows.has(place)) find('lost', `the record at ${place} (${why}) is in no table of dead letters`)
    if (!sent.has(place)) find('lost', `the record at ${place} (${why}) is not in the dead-letter topic`)
  }
  for (const place of new Set([...rows, ...sent]))
    if (!log.refused.has(place)) find('wrong', `the record at ${place} is a dead letter, and nothing is wrong with it`)
  return { expected: log.refused.size, found }
}

/** Nearly the same number: near 0 by difference, beyond 1 by ratio. */
function same(a: number | null, b: number | null): boolean {
  if (a === null || b === null) return a === b
  return Math.abs(a - b) <= CLOSE * Math.max(1, Math.abs(a), Math.abs(b))
}
