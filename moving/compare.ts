/** What is learned beside the table that the old system left, row by row. Reads only. */
import type pg from 'pg'
import { parseTime } from '../core/time.ts'
import { compileModel, type Group, type Model, type ModelDefinition } from '../services/learner/model.ts'
import { groupsOfLedger } from '../services/learner/trade.ts'
import { type ByOldRule, differenceOf, type Value, WHYS, type Why } from './difference.ts'
import { inTransaction } from './transaction.ts'

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
  baseline: { old: unknown; ours: unknown }
  rows: ComparedRow[]
  summary: Record<Why, number> & {
    /** Rows in both whose weights lie on different sides of 1. */
    opposite: number
    /** Interactions that only we have: counted, and not among the rows. */
    new_interactions: number
  }
}

interface OldRow extends Value {
  module: string
  scope: string
  name: string
  key: string
  /** ms; null where it is none. */
  updated_at: number | null
}

const FETCH = 5_000
const named = (r: { scope: string; name: string; key: string }) => JSON.stringify([r.scope, r.name, r.key])

/** Errors: as inTransaction(). */
export function compareLegacy(databaseUrl: string): Promise<Comparison> {
  return inTransaction(databaseUrl, async (client) => {
    await client.query('set transaction isolation level repeatable read, read only')
    const { rows: heads } = await client.query<{
      old: string | null
      generation: number | null
      definition: ModelDefinition | null
      hash: string | null
      baseline: unknown
      before: unknown
    }>(
      `select strandline.old_coefficients()::text as old, g.generation, g.definition, g.hash, strandline.learner_baseline(g.generation) -> 'global_rr' as baseline,
         strandline.old_global_rr() as before
       from (select 1) one left join strandline.learner_generations g on g.active`,
    )
    const head = heads[0]!
    const summary = {
      ...Object.fromEntries(WHYS.map((w) => [w, 0])),
      opposite: 0,
      new_interactions: 0,
    } as Comparison['summary']
    const result: Comparison = {
      table: head.old,
      model: head.definition?.name ?? null,
      baseline: { old: head.before, ours: head.baseline },
      rows: [],
      summary,
    }
    if (head.old === null) return result
    const old = await readOld(client, head.old)
    const model = head.definition ? compileModel(head.definition, head.hash ?? '') : null
    const ours = model ? await readOurs(client, old) : new Map<string, Value>()
    const rules = model ? await byOldRule(client, model, head.generation!, old) : new Map<string, Rules>()
    const { rows: names } = await client.query<{ module: string; scope: string; name: string }>(
      'select module, scope, name from strandline.learned_names',
    )
    const learns = new Set(names.map((n) => JSON.stringify([n.module, n.scope, n.name])))
    const module = head.definition?.module ?? ''

    const add = (
      of: { module: string; scope: string; name: string; key: string },
      mine: Value | null,
      theirs: Value | null,
    ) => {
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
      const { scope, name, key } = of
      const by_old_rule = rule?.all.n ? rule.all.rr : null
      result.rows.push({ module: of.module, scope, name, key, old: theirs, ours: mine, by_old_rule, why, sentence })
    }
    for (const { updated_at: _, ...row } of old) {
      const { module: m, scope, name, key, ...theirs } = row
      const found = m === module ? (ours.get(named(row)) ?? null) : null
      if (found) ours.delete(named(row))
      add({ module: m, scope, name, key }, found, theirs)
    }
    for (const [id, mine] of ours) {
      const [scope, name, key] = JSON.parse(id) as [string, string, string]
      add({ module, scope, name, key }, mine, null)
    }
    const compared = result.rows.filter((r) => r.scope === 'interaction' && r.ours).length
    summary.new_interactions = model ? (await countInteractions(client, head.generation!)) - compared : 0
    result.rows.sort((a, b) => apart(b) - apart(a))
    return result
  })
}

/** How far the weights lie apart; what is in one alone comes last. */
const apart = ({ old, ours }: ComparedRow) => (old && ours ? Math.abs((old.weight ?? 1) - (ours.weight ?? 1)) : -1)

/** Whatever columns and types the old table has. */
async function readOld(client: pg.Client, table: string): Promise<OldRow[]> {
  const { rows } = await client.query<{ row: Record<string, unknown> }>(`select to_jsonb(t) as row from ${table} t`)
  return rows.map(({ row }) => ({
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
  }))
}

const text = (value: unknown) => (value === null || value === undefined ? '' : String(value))
function finite(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : null
}

/** Every lever, and the interactions that the old table has: there may be millions of others. */
async function readOurs(client: pg.Client, old: OldRow[]): Promise<Map<string, Value>> {
  const keys = old.filter((r) => r.scope === 'interaction').map((r) => [r.name, r.key])
  const { rows } = await client.query<Value & { scope: string; name: string; key: string }>(
    `select scope, name, key, weight, rr_short, rr_long, n::float8 as n from strandline.learning_coefficients where scope = 'lever'
     union all
     select c.scope, c.name, c.key, c.weight, c.rr_short, c.rr_long, c.n::float8
     from unnest($1::text[], $2::text[]) as k(name, key)
     cross join lateral (select * from strandline.learning_coefficients x where x.scope = 'interaction' and x.key = k.key collate "C"
                           and x.name = k.name collate "C" offset 0) c`,
    [keys.map(([name]) => name), keys.map(([, key]) => key)],
  )
  return new Map(rows.map(({ weight, rr_short, rr_long, n, ...id }) => [named(id), { weight, rr_short, rr_long, n }]))
}

async function countInteractions(client: pg.Client, generation: number): Promise<number> {
  const { rows } = await client.query<{ n: number }>(
    `select count(*)::float8 as n from (select distinct key, name from strandline.learner_partials where generation = $1 and scope = 'interaction') i`,
    [generation],
  )
  return rows[0]!.n
}

interface Rules {
  all: ByOldRule
  seen: ByOldRule
  until: number
}

/** The old rule over the ledger, for the rows of the old table. */
async function byOldRule(
  client: pg.Client,
  model: Model,
  generation: number,
  old: OldRow[],
): Promise<Map<string, Rules>> {
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
  await client.query(
    `declare trades no scroll cursor for select closed_at_ms::float8 as closed_at, rr, levers from strandline.learner_ledger
     where generation = ${generation} and not voided and rr is not null order by closed_at_ms, event_id`,
  )
  for (;;) {
    const { rows } = await client.query<{ closed_at: number; rr: number; levers: string }>(`fetch ${FETCH} from trades`)
    if (rows.length === 0) break
    for (const { closed_at, rr, levers } of rows)
      for (const rule of rulesOf(levers)) {
        halve(rule.all, rr)
        if (closed_at <= rule.until) halve(rule.seen, rr)
      }
  }
  return rules
}

function halve(rule: ByOldRule, rr: number): void {
  rule.rr = rule.n === 0 ? rr : (rule.rr + rr) / 2
  rule.n++
  rule.newest = rr
}
