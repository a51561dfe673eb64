/** What is learned beside the table that the old system left, row by row. Reads only. */
import { compileModel, type Group, type Model } from '../domain/learning/model.ts'
import { learnedOutcome, type OutcomeDefinition } from '../domain/learning/outcome.ts'
import { groupsOfLedger } from '../domain/learning/trade.ts'
import { parseTime } from '../domain/time.ts'
import { databaseStore } from './database-store.ts'
import { type ByOldRule, differenceOf, type Value, WHYS, type Why } from './difference.ts'
import { createLegacyStore, type LegacyStore, type Named } from './legacy-store.ts'
import { inSnapshot } from './transaction.ts'

export interface ComparedRow {
  module: string
  scope: string
  name: string
  key: string
  old: Value | null
  ours: Value | null
  /** R/R by the old rule over all trades of the log. */
  by_old_rule: number | null
  why: Why
  sentence: string
}

export interface Comparison {
  /** The old table, under the name that it has now; null: there was none. */
  table: string | null
  model: string | null
  /** What that model learns; the old system learned R/R. */
  outcome: OutcomeDefinition | null
  baseline: { old: unknown; ours: unknown }
  rows: ComparedRow[]
  summary: Record<Why, number> & {
    /** Rows in both whose weights lie on different sides of 1. */
    opposite: number
    /** Interactions that only we have: counted, and not among the rows. null: so many that the database gave up counting. */
    new_interactions: number | null
  }
}

interface OldRow extends Value, Named {
  /** ms; null where it is none. */
  updated_at: number | null
}

/** Rows of a request. */
const OLD_PAGE = 5_000
const KEYS_PAGE = 500
/** Blocks of the ledger's table, with some fifty trades each. */
const BLOCKS = 200
const named = (r: { scope: string; name: string; key: string }) => JSON.stringify([r.scope, r.name, r.key])

/** All of one moment. Errors: as inTransaction(). */
export function compareDatabase(databaseUrl: string): Promise<Comparison> {
  return inSnapshot(databaseUrl, (client) => compareLegacy(createLegacyStore(databaseStore(client))))
}

/** Through the API; what is learned meanwhile may be in a part of it. Errors: STORE_UNREACHABLE, STORE_SCHEMA, STORE_REJECTED. */
export async function compareLegacy(store: LegacyStore): Promise<Comparison> {
  const { table, sums, definition, hash, baseline, before, names } = await store.head()
  const summary: Comparison['summary'] = { ...zeroes(), opposite: 0, new_interactions: 0 }
  const result: Comparison = {
    table,
    model: definition?.name ?? null,
    outcome: definition && learnedOutcome(definition),
    baseline: { old: before, ours: baseline },
    rows: [],
    summary,
  }
  if (table === null) return result
  const old = await readOld(store)
  const model = definition && sums !== null ? compileModel(definition, hash ?? '') : null
  const ours = model ? await readOurs(store, old) : new Map<string, Value>()
  const rules = model ? await byOldRule(store, model, sums as number, old) : new Map<string, Rules>()
  const learns = new Set(names.map((n) => JSON.stringify(n)))
  const module = definition?.module ?? ''

  const add = (of: Named, mine: Value | null, theirs: Value | null) => {
    const rule = rules.get(named(of))
    const { why, sentence } = differenceOf({
      old: theirs,
      ours: mine,
      learned: learns.has(JSON.stringify([of.module, of.scope, of.name])),
      all: rule?.all.n ? rule.all : null,
      seen: rule?.seen.n ? rule.seen : null,
    })
    summary[why]++
    if (mine?.weight && theirs?.weight && (mine.weight - 1) * (theirs.weight - 1) < 0) summary.opposite++
    const by_old_rule = rule?.all.n ? rule.all.rr : null
    result.rows.push({ ...of, old: theirs, ours: mine, by_old_rule, why, sentence })
  }
  for (const { module: m, scope, name, key, updated_at: _, ...theirs } of old) {
    const of = { module: m, scope, name, key }
    const found = m === module ? (ours.get(named(of)) ?? null) : null
    if (found) ours.delete(named(of))
    add(of, found, theirs)
  }
  for (const [id, mine] of ours) {
    const [scope, name, key] = JSON.parse(id) as [string, string, string]
    add({ module, scope, name, key }, mine, null)
  }
  const compared = result.rows.filter((r) => r.scope === 'interaction' && r.ours).length
  const all = model ? await store.countInteractions(sums as number) : 0
  summary.new_interactions = all === null ? null : all - compared
  result.rows.sort((a, b) => apart(b) - apart(a))
  return result
}

const zeroes = () => Object.fromEntries(WHYS.map((why) => [why, 0])) as Record<Why, number>

/** How far the weights lie apart; what is in one alone comes last. */
const apart = ({ old, ours }: ComparedRow) => (old && ours ? Math.abs((old.weight ?? 1) - (ours.weight ?? 1)) : -1)

/** Whatever columns and types the old table has. */
async function readOld(store: LegacyStore): Promise<OldRow[]> {
  const found: OldRow[] = []
  for (;;) {
    const rows = await store.oldRows(found.length, OLD_PAGE)
    for (const row of rows)
      found.push({
        module: text(row.module),
        scope: text(row.scope),
        name: text(row.name),
        key: text(row.key),
        weight: finite(row.weight),
        rr_short: finite(row.rr_short),
        rr_long: finite(row.rr_long),
        n: finite(row.n) ?? 0,
        updated_at:
          typeof row.updated_at === 'string' ? (parseTime(row.updated_at) ?? parseTime(`${row.updated_at}Z`)) : null,
      })
    if (rows.length < OLD_PAGE) return found
  }
}

const text = (value: unknown) => (value === null || value === undefined ? '' : String(value))
function finite(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : null
}

/** Every lever, and the interactions that the old table has: there may be millions of others. */
async function readOurs(store: LegacyStore, old: OldRow[]): Promise<Map<string, Value>> {
  const found = new Map<string, Value>()
  const read = async (keys: [string, string][] | null) => {
    for (const { weight, rr_short, rr_long, n, ...id } of await store.learned(keys))
      found.set(named(id), { weight, rr_short, rr_long, n: Number(n) })
  }
  await read(null)
  const keys = old.filter((r) => r.scope === 'interaction').map((r): [string, string] => [r.name, r.key])
  for (let at = 0; at < keys.length; at += KEYS_PAGE) await read(keys.slice(at, at + KEYS_PAGE))
  return found
}

interface Rules {
  all: ByOldRule
  seen: ByOldRule
  until: number
}

/** The old rule over the ledger, for the rows of the old table. */
async function byOldRule(store: LegacyStore, model: Model, sums: number, old: OldRow[]): Promise<Map<string, Rules>> {
  const none = (): ByOldRule => ({ rr: 0, n: 0, newest: 0 })
  const rules = new Map(
    old.map((r): [string, Rules] => [
      named(r),
      { all: none(), seen: none(), until: r.updated_at ?? Number.POSITIVE_INFINITY },
    ]),
  )
  // Trades repeat their levers: what was looked up once is not decoded again.
  const groups = new Map<string, Rules[]>()
  const rulesOf = (levers: string) => {
    const known = groups.get(levers)
    if (known) return known
    const found = groupsOfLedger(model, { voided: false, rr: 0, levers })
      .map((g: Group) => rules.get(named(g)))
      .filter((r) => r !== undefined)
    if (groups.size < 100_000) groups.set(levers, found)
    return found
  }
  const trades: { id: string; closed_at: number; rr: number; of: Rules[] }[] = []
  for (let block = 0, blocks = 1; block < blocks; block += BLOCKS) {
    const page = await store.trades(sums, block, BLOCKS)
    blocks = page.blocks
    for (const [id, closed_at, rr, levers] of page.rows) {
      const of = rulesOf(levers)
      if (of.length > 0) trades.push({ id, closed_at, rr, of })
    }
  }
  trades.sort((a, b) => a.closed_at - b.closed_at || (a.id < b.id ? -1 : 1))
  for (const { closed_at, rr, of } of trades)
    for (const rule of of) {
      halve(rule.all, rr)
      if (closed_at <= rule.until) halve(rule.seen, rr)
    }
  return rules
}

function halve(rule: ByOldRule, rr: number): void {
  rule.rr = rule.n === 0 ? rr : (rule.rr + rr) / 2
  rule.n++
  rule.newest = rr
}
