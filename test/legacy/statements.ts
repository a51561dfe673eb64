/**
 * What the old readers and writers send, as the role that they send it as, and what must hold: at any time, before, during and after Strandline, each
 * answers as it did on the untouched database. `ask` tells how.
 */
import type pg from 'pg'
import { idsOf } from './history.ts'
import { has, type Variant } from './variants.ts'

export type Role = 'anon' | 'authenticated' | 'service_role'

export interface Statement {
  name: string
  role: Role
  /** Written anew for each run, since a writer's row has an id. @param run any number that was not used before */
  sql(run: number): string
  /** On the untouched database: rows come, none does (row-level security says nothing), or it is refused. */
  answers: 'rows' | 'nothing' | 'refused'
  /** A query (as the owner) that is true once a writer's statement is committed. */
  effect?(run: number): string
  /** What it reads changes with the switch: the learner's numbers come in the place of the old ones. Who sees how many columns does not. */
  learned?: boolean
}

export type Answer = { rows: Record<string, unknown>[] } | { refused: string }

const ROLES: Role[] = ['anon', 'authenticated', 'service_role']

type Answers = Statement['answers']

/** Readers: by variant what anon, authenticated and service_role are answered. */
interface Reader {
  name: string
  sql: string
  learned?: boolean
  answers: Record<Variant['name'], [anon: Answers, authenticated: Answers, service: Answers]>
}

const OK: [Answers, Answers, Answers] = ['rows', 'rows', 'rows']

function readers(variant: Variant): Reader[] {
  const { configKey, json } = variant
  const config = json === 'text' ? 'config_data::jsonb' : 'config_data'
  return [
    {
      name: 'the weight of a lever',
      sql: `select weight from learning_coefficients where module='dm' and scope='lever' and name='curator' and key='moonboy'`,
      learned: true,
      answers: { text: OK, uuid: OK, bigint: ['refused', 'rows', 'rows'] },
    },
    {
      name: 'the weight of an interaction',
      sql: `select weight from learning_coefficients where module='dm' and scope='interaction' and key='chain=base|curator=moonboy'`,
      learned: true,
      answers: { text: ['nothing', 'rows', 'rows'], uuid: OK, bigint: ['refused', 'rows', 'rows'] },
    },
    {
      name: 'everything of a lever',
      sql: `select * from learning_coefficients where module='dm' and scope='lever' and name='chain' and key='base'`,
      learned: true,
      answers: { text: OK, uuid: ['refused', 'rows', 'rows'], bigint: ['refused', 'rows', 'rows'] },
    },
    {
      name: 'a pattern of another module',
      sql: `select weight from learning_coefficients where module='pm' and scope='pattern' and name='uptrend' and key='S3'`,
      answers: { text: ['nothing', 'rows', 'rows'], uuid: OK, bigint: ['refused', 'nothing', 'rows'] },
    },
    {
      name: 'a lever that only the old system knew',
      sql: `select weight from learning_coefficients where module='dm' and scope='lever' and name='bucket_rank' and key='top'`,
      answers: { text: OK, uuid: OK, bigint: ['refused', 'rows', 'rows'] },
    },
    {
      name: 'the baseline',
      sql: `select (${config}->'global_rr')::text as global_rr from learning_configs where ${configKey}='decision_maker'`,
      learned: true,
      answers: { text: ['nothing', 'rows', 'rows'], uuid: OK, bigint: ['refused', 'rows', 'rows'] },
    },
    {
      name: "a person's own setting",
      sql: `select (${config}->'risk'->>'max_allocation') as risk, (${config}->>'enabled') as enabled from learning_configs where ${configKey}='decision_maker'`,
      answers: { text: ['nothing', 'rows', 'rows'], uuid: OK, bigint: ['refused', 'rows', 'rows'] },
    },
    {
      name: 'closed strands',
      sql: `select id, kind, symbol, status from ad_strands where kind='position_closed' and created_at < '2025-12-15' order by id`,
      answers: { text: OK, uuid: OK, bigint: ['refused', 'rows', 'rows'] },
    },
    {
      name: 'positions and their trades',
      sql: `select id, status, completed_trades from lowcap_positions where created_at < '2026-06-01' and status <> 'active' order by id limit 50`,
      answers: { text: ['nothing', 'rows', 'rows'], uuid: OK, bigint: ['refused', 'rows', 'rows'] },
    },
    {
      name: 'the queue',
      sql: `select count(*) > 0 as waiting from learning_queue having count(*) > 0`,
      answers: {
        text: ['nothing', 'nothing', 'rows'],
        uuid: ['refused', 'rows', 'rows'],
        bigint: ['refused', 'nothing', 'rows'],
      },
    },
    {
      name: 'price bars',
      sql: `select close_usd from lowcap_price_data_ohlc order by token_contract, timestamp limit 5`,
      answers: { text: OK, uuid: OK, bigint: ['refused', 'rows', 'rows'] },
    },
    ...OWN_READERS[variant.name],
  ]
}

const OWN_READERS: Record<Variant['name'], Reader[]> = {
  text: [
    {
      name: 'their view of curators',
      sql: `select curator, weight from curator_board where curator='moonboy'`,
      answers: { text: OK, uuid: OK, bigint: OK },
    },
    {
      name: 'their view of positions',
      sql: 'select * from open_positions order by id',
      answers: { text: OK, uuid: OK, bigint: OK },
    },
  ],
  uuid: [
    {
      name: 'their function that reads a weight',
      sql: `select coefficient_of('curator', 'moonboy') as weight`,
      learned: true,
      // revoked from anon and still public's, as PostgreSQL has it
      answers: { text: OK, uuid: OK, bigint: OK },
    },
    {
      name: 'their view of closes',
      sql: `select id, symbol, rr from recent_closes where created_at < '2025-12-15' order by id limit 20`,
      answers: { text: OK, uuid: OK, bigint: OK },
    },
  ],
  bigint: [],
}

function writers(variant: Variant): Statement[] {
  const { json, configKey, name: variantName } = variant
  const ids = idsOf(variant)
  const strandId = (run: number) => ids.strand(1_000_000 + run)
  const content = (run: number) => {
    const value = JSON.stringify({
      position_id: ids.position(1),
      trade_id: ids.trade(5_000 + run, 1),
      completed_trades: [
        {
          trade_id: ids.trade(5_000 + run, 1),
          entry_price: 1,
          exit_price: 1.5,
          entry_timestamp: '2026-03-01T10:00:00+00:00',
          exit_timestamp: '2026-03-01T11:00:00+00:00',
          rr: 1.5,
        },
      ],
      entry_context: { curator: 'moonboy', chain: 'base' },
      token: '0x1',
      chain: 'base',
    })
    return `'${value}'`
  }
  const columns = `id, module, kind, symbol, timeframe, content${has(variant, 'ad_strands', 'position_id') ? ', position_id, trade_id' : ''}`
  const values = (run: number) =>
    `'${strandId(run)}', 'pm', 'position_closed', 'TKN1', '1h', ${content(run)}` +
    (has(variant, 'ad_strands', 'position_id') ? `, '${ids.position(1)}', '${ids.trade(5_000 + run, 1)}'` : '')
  const scored = variantName === 'uuid' ? 'learning_audit' : 'strand_scores'
  const insert = (role: Role, answers: Answers): Statement => ({
    name: 'a strand is inserted',
    role,
    sql: (run) => `insert into ad_strands (${columns}) values (${values(run)})`,
    answers,
    // queued by their trigger, and scored by it
    effect: (
      run,
    ) => `select exists (select from learning_queue where strand_id = '${strandId(run)}' and strand_type = 'position_closed')
      and exists (select from ${scored} where strand_id = '${strandId(run)}') as holds`,
  })
  const update = (role: Role, answers: Answers): Statement => ({
    name: 'a position is updated',
    role,
    sql: (run) =>
      `update lowcap_positions set notes = 'run ${run}', total_quantity = 0, updated_at = now() where id = '${ids.position(1)}'${role === 'service_role' ? '' : ' returning id'}`,
    answers,
    effect: (run) => `select notes = 'run ${run}' as holds from lowcap_positions where id = '${ids.position(1)}'`,
  })
  const tuned = (run: number) => (1 + (run % 1000) / 1000).toFixed(3)
  const weigh = (role: Role, answers: Answers): Statement => ({
    name: 'a coefficient of theirs is tuned',
    role,
    sql: (run) =>
      `update learning_coefficients set weight = ${tuned(run)} where module='pm' and scope='pattern' and name='exit' and key='stage-1' returning weight`,
    answers,
    effect: (run) =>
      `select round(weight::numeric, 3) = ${tuned(run)} as holds from learning_coefficients where module='pm' and scope='pattern' and name='exit' and key='stage-1'`,
  })
  const add = (role: Role, answers: Answers): Statement => ({
    name: 'a coefficient of theirs is added',
    role,
    sql: (run) =>
      `insert into learning_coefficients (module, scope, name, key, weight, n) values ('pm', 'pattern', 'exit', 'run-${run}', 1.5, 3)`,
    answers,
    effect: (run) =>
      `select exists (select from learning_coefficients where module='pm' and key='run-${run}' and weight=1.5) as holds`,
  })
  const configure = (role: Role, answers: Answers): Statement => ({
    name: 'a setting is changed by hand',
    role,
    sql: (run) =>
      json === 'jsonb'
        ? `update learning_configs set config_data = jsonb_set(config_data, '{knob}', '${run}') where ${configKey}='decision_maker'`
        : `update learning_configs set config_data = (jsonb_set(config_data::jsonb, '{knob}', '${run}'))::${json} where ${configKey}='decision_maker'`,
    answers,
    effect: (run) =>
      `select config_data::jsonb ->> 'knob' = '${run}' as holds from learning_configs where ${configKey}='decision_maker'`,
  })
  const by: Record<Variant['name'], [Answers, Answers, Answers][]> = {
    // strand, position, tune, add, configure; of anon, authenticated, service_role
    text: [
      ['refused', 'rows', 'rows'],
      ['nothing', 'rows', 'rows'],
      ['refused', 'rows', 'rows'],
      ['refused', 'refused', 'rows'],
      ['nothing', 'nothing', 'rows'],
    ],
    uuid: [OK, OK, ['refused', 'rows', 'rows'], ['refused', 'rows', 'rows'], ['refused', 'refused', 'rows']],
    bigint: [
      ['refused', 'rows', 'rows'],
      ['refused', 'rows', 'rows'],
      ['refused', 'nothing', 'rows'],
      ['refused', 'refused', 'rows'],
      ['refused', 'rows', 'rows'],
    ],
  }
  return [insert, update, weigh, add, configure].flatMap((make, i) =>
    ROLES.map((role, r) => make(role, by[variantName][i]![r]!)),
  )
}

/** Statements of all readers and writers of a variant. */
export function statementsOf(variant: Variant): Statement[] {
  return [
    ...readers(variant).flatMap(({ name, sql, learned, answers }) =>
      ROLES.map(
        (role, r): Statement => ({
          name,
          role,
          sql: () => sql,
          answers: answers[variant.name][r]!,
          ...(learned ? { learned } : {}),
        }),
      ),
    ),
    ...writers(variant),
  ]
}

let runs = Date.now() % 1_000_000

/**
 * One statement, committed, as its role. A writer's effect is looked for after it: `rows` is then what it touched.
 * Errors: a writer that was answered and had no effect.
 */
export async function ask(client: pg.Client, statement: Statement): Promise<Answer> {
  const run = ++runs
  await client.query('begin')
  try {
    await client.query(`set local role ${statement.role}`)
    const { rows, rowCount } = await client.query(statement.sql(run))
    await client.query('commit')
    const touched = statement.effect ? Array.from({ length: rowCount ?? 0 }, () => ({})) : rows
    if (statement.effect && touched.length > 0) {
      const { rows: found } = await client.query(statement.effect(run))
      if (found[0]?.holds !== true) throw new Error(`${statement.role}: ${statement.name}: answered, and had no effect`)
    }
    return { rows: touched }
  } catch (error) {
    await client.query('rollback')
    const { code } = error as { code?: string }
    if (!code) throw error
    return { refused: code }
  }
}

/** The answer in the terms of `Statement.answers`. Errors: refused for another reason than its rights. */
export function kindOf(answer: Answer): Answers {
  if ('rows' in answer) return answer.rows.length > 0 ? 'rows' : 'nothing'
  // 42501: no right, or a row that the policy refuses
  if (answer.refused !== '42501') throw new Error(`refused with ${answer.refused}`)
  return 'refused'
}
