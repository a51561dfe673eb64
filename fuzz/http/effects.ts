/** What requests left in the database, and what they must have left: exactly what their answers say. */
import type pg from 'pg'
import { changedTables, type Digest, digestOf } from '../database/digest.ts'
import type { Answer } from './send.ts'

/** Tables that the PM's own work changes without a request: claims, marks of what is published, and who is there. */
const BY_THEMSELVES = ['strandline.consumer_checkpoints', 'strandline.services']
/** Of which each row is looked at. */
const BY_ROW = ['public.lowcap_positions', 'strandline.pm_executions', 'strandline.pm_outbox']
/** What a close writes besides. */
const OF_A_CLOSE = ['strandline.trade_entries', 'strandline.trade_names', 'strandline.pm_provisional']
const OF_A_POST = ['strandline.posted_trades']
const OF_BARS = ['public.lowcap_price_data_ohlc']

export interface State {
  others: Digest
  /** By id: a hash of the row. */
  positions: Map<string, string>
  /** Those that hold nothing of a trade that is not closed yet: a tick of the PM's closes them, without a request. */
  flat: Set<string>
  /** By id: the position. */
  executions: Map<string, string>
  /** By id: the position. */
  outbox: Map<string, string>
}

export async function stateOf(client: pg.ClientBase): Promise<State> {
  const others = await digestOf(client, [...BY_THEMSELVES, ...BY_ROW])
  const positions = await client.query(`
    select id, md5(t::text) as hash, total_quantity = 0 and current_trade_id is not null as flat from public.lowcap_positions t`)
  const executions = await client.query('select id, position_id from strandline.pm_executions')
  const outbox = await client.query(`select id, payload ->> 'position_id' as position_id from strandline.pm_outbox`)
  return {
    others,
    positions: new Map(positions.rows.map((r) => [r.id, r.hash])),
    flat: new Set(positions.rows.filter((r) => r.flat).map((r) => r.id)),
    executions: new Map(executions.rows.map((r) => [r.id, r.position_id])),
    outbox: new Map(outbox.rows.map((r) => [r.id, r.position_id])),
  }
}

export interface Effects {
  /** Ids of positions. */
  opened: Set<string>
  /** Executions, by id the position. */
  recorded: Map<string, string>
  /** Positions. */
  closed: Set<string>
  /** Trades that were posted, by the position that they name. */
  posted: Set<string>
  /** Bars that are new or different. */
  bars: number
}

export const noEffects = (): Effects => ({
  opened: new Set(),
  recorded: new Map(),
  closed: new Set(),
  posted: new Set(),
  bars: 0,
})

/** Notes what an answer says has happened. */
export function noteEffects(effects: Effects, { status, body }: Answer): void {
  if (status !== 201 && status !== 200) return
  let said: {
    status?: string
    position?: { id: string }
    execution_id?: string
    position_id?: string
    closed?: object | null
    event?: { position_id: string }
    added?: number
    changed?: number
  }
  try {
    said = JSON.parse(body)
  } catch {
    return
  }
  if (typeof said !== 'object' || said === null) return
  if (status === 201 && said.status === 'opened') effects.opened.add(said.position!.id)
  if (status === 201 && said.status === 'recorded') effects.recorded.set(said.execution_id!, said.position_id!)
  if (status === 201 && said.status === 'posted') effects.posted.add(said.event!.position_id)
  if (said.status === 'stored') effects.bars += said.added! + said.changed!
  if (said.closed && said.position_id) effects.closed.add(said.position_id)
}

/** Sentences about what changed and should not have, or has not and should. */
export function judgeEffects(before: State, after: State, effects: Effects): string[] {
  const { opened, recorded, closed, posted, bars } = effects
  const wrong: string[] = []
  const events = [...after.outbox].filter(([id]) => !before.outbox.has(id))
  const expected = [
    ...(events.length > 0 ? OF_A_CLOSE : []),
    ...(posted.size > 0 ? OF_A_POST : []),
    ...(bars > 0 ? OF_BARS : []),
  ]
  const others = changedTables(before.others, after.others).filter((t) => !expected.includes(t))
  if (others.length > 0) wrong.push(`${others.join(', ')} changed, of which no answer says anything`)
  // an exit that was answered in an earlier hundred may have left a position flat, which a tick closes in this one
  const touched = new Set([...recorded.values(), ...closed, ...before.flat, ...posted])
  for (const [id, hash] of after.positions) {
    if (!before.positions.has(id)) {
      if (!opened.has(id)) wrong.push(`the position ${id} is there, and no answer says that it was opened`)
    } else if (before.positions.get(id) !== hash && !touched.has(id))
      wrong.push(`the position ${id} changed, and no answer says that anything of it was recorded`)
  }
  for (const id of before.positions.keys()) if (!after.positions.has(id)) wrong.push(`the position ${id} is gone`)
  for (const id of opened) if (!after.positions.has(id)) wrong.push(`the position ${id} was opened, and is not there`)
  for (const [id, position] of after.executions)
    if (!before.executions.has(id) && recorded.get(id) !== position)
      wrong.push(`the execution ${id} of ${position} is there, and no answer says that it was recorded`)
  for (const [id, position] of recorded)
    if (after.executions.get(id) !== position) wrong.push(`the execution ${id} was recorded, and is not there`)
  const there = new Set(events.map(([, position]) => position))
  for (const position of posted)
    if (!there.has(position)) wrong.push(`the trade ${position} was posted, and is not in the outbox`)
  for (const [id, position] of events)
    if (!touched.has(position)) wrong.push(`the outbox has event ${id} of ${position}, of which nothing was recorded`)
  return wrong
}
