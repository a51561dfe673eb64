/** A closed trade as it travels, and its bytes: written here from the schema's file, so that what reads and writes in torture shares nothing with the codec. */
import { readFileSync } from 'node:fs'
import avro from 'avsc'

/** Fields as schemas/position-closed.avsc has them; times in ms. */
export interface ClosedTrade {
  event_id: string
  revision: number
  voided: boolean
  position_id: string
  trade_id: string
  symbol: string
  token_contract: string
  chain: string
  timeframe: string
  decision_type: string
  opened_at: number
  closed_at: number
  entry_price: number
  exit_price: number
  rr: number | null
  return: number | null
  max_drawdown: number | null
  max_gain: number | null
  unscored_reason: string | null
  provisional: boolean | null
  net_return: number | null
  fees: number | null
  stake: number | null
  risk_at_entry: number | null
  levers: Record<string, string>
  measures: Record<string, number>
  regime_context: Record<string, string>
  source: string
}

export const SCHEMA = JSON.parse(readFileSync(new URL('../../schemas/position-closed.avsc', import.meta.url), 'utf8'))
const type = avro.Type.forSchema(SCHEMA)

/** Confluent's wire format: a zero byte, the schema's id, the Avro body. */
export function toBytes(event: ClosedTrade, schemaId: number): Buffer {
  const head = Buffer.alloc(5)
  head.writeInt32BE(schemaId, 1)
  return Buffer.concat([head, type.toBuffer(event)])
}

/** Errors: a body that is not of the schema. */
export const fromBody = (body: Buffer): ClosedTrade => ({ ...(type.fromBuffer(body) as ClosedTrade) })
