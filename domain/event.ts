/**
 * PositionClosed as the code handles it. Field meanings and units: schemas/position-closed.avsc.
 * Times are milliseconds since 1970-01-01 UTC.
 */
import { v5 as uuidv5 } from 'uuid'

export interface PositionClosed {
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
  /** Fields that were too long and are not in the event, where there are any. No field of the schema: it travels as a header of the record. */
  left_out?: string[]
  /** Who made this revision and why, where it is not the first one. No field of the schema: it travels as a header of the record. */
  revised_by?: string
}

/** What the first version of the schema has not: of an event that says nothing of it. */
export const UNSAID = { provisional: null, net_return: null, fees: null, stake: null, risk_at_entry: null } as const

/** Namespace of all identities that Strandline derives. Fixed for ever: another value makes every trade a new one. */
const NAMESPACE = '6f9b3a52-3d0e-5c0b-9a53-5d1d3f4f5b7e'

/** Identity of one trade, the same for every producer. */
export function eventId(positionId: string, tradeId: string): string {
  return uuidv5(JSON.stringify([positionId, tradeId]), NAMESPACE)
}

/** 8-4-4-4-12 hexadecimal digits, small letters. By hand: it is asked of every event, and a regular expression takes several times as long. */
function isUuid(text: string): boolean {
  if (text.length !== 36) return false
  for (let i = 0; i < 36; i++) {
    const code = text.charCodeAt(i)
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (code !== 45) return false
    } else if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102))) return false
  }
  return true
}

/** The event_id as the database's `uuid`: itself where it is one, else a UUIDv5 of its text (foreign producers may use any string). */
export function eventUuid(event_id: string): string {
  return isUuid(event_id) ? event_id : uuidv5(event_id, NAMESPACE)
}

/** Splits a flat entry context by type: strings are levers, finite numbers are measures, booleans become strings; null is dropped. */
export function splitEntryContext(context: Record<string, unknown>): Pick<PositionClosed, 'levers' | 'measures'> {
  const levers: Record<string, string> = {}
  const measures: Record<string, number> = {}
  for (const [name, value] of Object.entries(context)) {
    if (typeof value === 'string') levers[name] = value
    else if (typeof value === 'number' && Number.isFinite(value)) measures[name] = value
    else if (typeof value === 'boolean') levers[name] = String(value)
  }
  return { levers, measures }
}
