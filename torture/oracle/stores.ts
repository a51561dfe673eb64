/** What the stores hold, as plain rows. */
import type { Stage } from '../stage.ts'
import { DEAD_LETTERS, TOPIC } from '../stage.ts'
import { type RawRecord, readTopic } from './topic.ts'

export interface LedgerRow {
  event_id: string
  revision: number
  voided: boolean
  closed_at: string
  rr: number | null
}

export interface CoefficientRow {
  scope: string
  name: string
  key: string
  weight: number
  rr_short: number
  rr_long: number
  n: string
}

export interface StrandRow {
  id: string
  event_id: string | null
  revision: number | null
  status: string | null
  rr: number | null
  exit_ms: string | null
}

export interface OutboxRow {
  event_id: string
  revision: number
  position_id: string | null
  partition: number | null
  offset: string | null
  published: boolean
}

export interface Stores {
  ledger: LedgerRow[]
  baseline: { rr_short: number; rr_long: number; n: number } | null
  coefficients: CoefficientRow[]
  strands: StrandRow[]
  outbox: OutboxRow[]
  /** Positions with another number of trades than one. */
  positions: { id: string; trades: number }[]
  deadLetters: { partition: number; offset: string; reason: string }[]
  /** The dead-letter topic. */
  letters: RawRecord[]
}

export async function readStores(stage: Stage): Promise<Stores> {
  const { sql } = stage
  const version = `(select sums from strandline.model_versions where active)`
  const [config] = await sql<{ config_data: { global_rr?: Stores['baseline'] } }>(
    `select config_data from learning_configs where module = 'decision_maker'`,
  )
  return {
    baseline: config?.config_data.global_rr ?? null,
    ledger: await sql<LedgerRow>(
      `select event_id, revision, voided, closed_at_ms as closed_at, rr from strandline.learner_ledger where model_version = ${version}`,
    ),
    coefficients: await sql<CoefficientRow>(
      'select scope, name, key, weight, rr_short, rr_long, n from learning_coefficients',
    ),
    strands: await sql<StrandRow>(
      `select id, metadata ->> 'event_id' as event_id, (metadata ->> 'revision')::integer as revision, status,
              (content #>> '{trade_summary,rr}')::double precision as rr,
              (extract(epoch from (content ->> 'ts')::timestamptz) * 1000)::bigint as exit_ms
       from ad_strands where kind = 'position_closed'`,
    ),
    outbox: await sql<OutboxRow>(
      `select event_id, revision, payload ->> 'position_id' as position_id, partition, "offset", published_at is not null as published
       from strandline.pm_outbox`,
    ),
    positions: await sql(
      `select id, jsonb_array_length(completed_trades) as trades from lowcap_positions
       where id like 'torture-%' and jsonb_array_length(completed_trades) <> 1`,
    ),
    deadLetters: await sql(
      `select partition, "offset", reason from strandline.dead_letters where consumer like 'learner/%' and topic = $1`,
      [TOPIC],
    ),
    letters: await readTopic(stage.client, DEAD_LETTERS),
  }
}
