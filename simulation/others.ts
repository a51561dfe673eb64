/**
 * What other programs write: into the log corrections and retractions of trades, records that were there before, and records that nobody can apply; into the
 * outbox corrections and retractions; into the database the entry prices of positions.
 */
import { frame, positionClosedType } from '../core/codec/position-closed-codec.ts'
import type { OutgoingRecord } from '../core/log/log.ts'
import { isOpen, positionsOf, writePosition } from '../core/store/memory/positions.ts'
import { eventId, type PositionClosed, UNSAID } from '../domain/event.ts'
import { createMemoryImportOutbox } from '../services/pm/memory-outbox.ts'
import type { Asking } from './asking.ts'
import type { Edit, Poison } from './planned.ts'
import { SCHEMA_ID, type World } from './world.ts'

export interface Others {
  /** Those that found their trade in the log; the others wait for it. */
  done: Set<Edit>
  /** The revisions that came of those that go through the outbox. */
  made: Map<Edit, number>
}

type Repricing = Extract<Edit, { kind: 'repricing' }>
type DeskEdit = Extract<Edit, { kind: 'desk' }>
type LogEdit = Exclude<Edit, Repricing | DeskEdit>

const AGAIN_MS = 1_000
/** So far beyond its record's time an exit may lie. */
const AHEAD_MS = 300_000
/** By which a price is corrected. */
const STEP = 1.001

/** @param asking while nothing may be written by those who ask, nobody writes */
export function startOthers(world: World, { holding }: Asking): Others {
  const { plan, scheduler, broker, network, config, trace } = world
  const others: Others = { done: new Set(), made: new Map() }
  const outbox = createMemoryImportOutbox(world.db)

  function attempt(edit: LogEdit): void {
    const record = network.isAway('log') ? null : recordOf(world, edit)
    if (!record) {
      scheduler.after(AGAIN_MS, () => attempt(edit))
      return
    }
    const partition = edit.partition === null ? undefined : edit.partition % broker.partitions(config.topic)
    const [placed] = broker.produce(config.topic, [{ ...record, partition }])
    trace.say('others', edit.kind, `${placed!.partition}/${placed!.offset} ${JSON.stringify(edit)}`)
    others.done.add(edit)
  }

  function reprice(edit: Repricing, times: number): void {
    if (times === 0) {
      others.done.add(edit)
      return
    }
    const id = positionOf(world, edit.trade)
    if (!network.isAway('database') && !world.diskFull)
      world.db.transaction(() => {
        const row = positionsOf(world.db).get(id)
        if (!row?.avg_entry_price || !isOpen(row)) return
        writePosition(world.db, id, { avg_entry_price: row.avg_entry_price * STEP })
        trace.say('others', 'reprices', id)
      })
    scheduler.after(edit.every, () => reprice(edit, times - 1))
  }

  async function correct(edit: DeskEdit): Promise<void> {
    const before = highestOf(world, edit.trade)
    const canWrite = !holding() && !network.isAway('database') && !network.isAway('log') && !world.diskFull
    if (before && canWrite) {
      const revision = before.revision + 1
      const change = edit.rr === null ? { voided: true } : { rr: edit.rr, unscored_reason: null }
      // where another revision of that number was faster, it is looked at again
      if ((await outbox.add([{ ...before, ...change, revision }])).added === 1) {
        others.made.set(edit, revision)
        others.done.add(edit)
        trace.say('others', 'corrects', JSON.stringify({ ...edit, revision }))
        return
      }
    }
    scheduler.after(AGAIN_MS, () => void correct(edit))
  }

  for (const edit of plan.edits)
    if (edit.kind === 'desk') scheduler.after(edit.at, () => void correct(edit))
    else if (edit.kind === 'repricing') {
      const { begins } = plan.trades[edit.trade % plan.trades.length]!
      scheduler.after(begins + edit.at, () => reprice(edit, edit.times))
    } else scheduler.after(edit.at, () => attempt(edit))
  return others
}

/** null: the trade is not in the log yet, or not to be believed yet. */
function recordOf(world: World, edit: LogEdit): OutgoingRecord | null {
  if (edit.kind === 'poison') return poisonRecord(edit.poison, edit.number, world.broker.now())
  const record = newestOf(world, edit.trade)
  if (!record) return null
  if (edit.kind === 'duplicate') return record
  const event = positionClosedType.fromBuffer(record.value!.subarray(5)) as PositionClosed
  // by the clock of the log its exit lies in the future: readers refuse it, and what is made of it
  if (event.closed_at > world.broker.now() + AHEAD_MS) return null
  const { revision } = edit
  if (edit.kind === 'void') return encoded({ ...event, revision, voided: true })
  const { rr, later, curator } = edit
  const levers = curator === null ? event.levers : { ...event.levers, curator }
  return encoded({
    ...event,
    revision,
    voided: false,
    rr,
    return: rr === null ? null : rr / 10,
    net_return: rr === null ? null : rr / 10 - 0.002,
    unscored_reason: rr === null ? 'withdrawn' : null,
    closed_at: Math.max(event.opened_at, event.closed_at + later),
    levers,
  })
}

const positionOf = ({ plan }: Pick<World, 'plan'>, trade: number): string =>
  plan.trades[trade % plan.trades.length]!.position_id

/** The revision of a trade that counts, as far as readers believe it. */
function highestOf({ broker, config, plan }: World, trade: number): PositionClosed | null {
  const id = positionOf({ plan }, trade)
  const events = broker
    .all(config.topic)
    .filter(({ record }) => record.state === 'data' && String(record.key) === id)
    .map(({ record }) => positionClosedType.fromBuffer(record.value!.subarray(5)) as PositionClosed)
    .filter((event) => event.closed_at <= broker.now() + AHEAD_MS)
  return events.reduce<PositionClosed | null>((a, b) => (a && a.revision >= b.revision ? a : b), null)
}

/** The newest record of a trade that the log has. */
export function newestOf({ broker, config, plan }: World, trade: number): OutgoingRecord | null {
  const id = positionOf({ plan }, trade)
  const found = broker.all(config.topic).findLast(({ record }) => record.state === 'data' && String(record.key) === id)
  return found ? { key: found.record.key, value: found.record.value } : null
}

const encoded = (event: PositionClosed): OutgoingRecord => ({
  key: event.position_id,
  value: frame(SCHEMA_ID, positionClosedType.toBuffer(event)),
})

function poisonRecord(poison: Poison, number: number, now: number): OutgoingRecord {
  const position_id = `poison-${number}`
  const event: PositionClosed = {
    event_id: eventId(position_id, poison),
    revision: 0,
    voided: false,
    position_id,
    trade_id: poison,
    symbol: 'T',
    token_contract: '0x',
    chain: 'base',
    timeframe: '1m',
    decision_type: 'trim',
    opened_at: now - 1_000_000,
    closed_at: now - 900_000,
    entry_price: 1,
    exit_price: 2,
    rr: 1,
    return: 1,
    max_drawdown: 1,
    max_gain: 1,
    unscored_reason: null,
    ...UNSAID,
    levers: {},
    measures: {},
    regime_context: {},
    source: 'pm',
  }
  const good = encoded(event)
  switch (poison) {
    case 'empty_value':
      return { ...good, value: null }
    case 'bad_magic':
      return { ...good, value: Buffer.from('{"json": true}') }
    case 'truncated':
      return { ...good, value: good.value!.subarray(0, number % 2 === 0 ? 4 : good.value!.length - 9) }
    case 'not_avro':
      return { ...good, value: frame(SCHEMA_ID, Buffer.alloc(200, 0xff)) }
    case 'unknown_schema':
      return { ...good, value: frame(77, positionClosedType.toBuffer(event)) }
    case 'null_key':
      return { ...good, key: null }
    case 'id_invalid':
      return encoded({ ...event, event_id: 'x'.repeat(600) })
    case 'text_invalid':
      return encoded({ ...event, event_id: 'a\0b' })
    case 'revision_invalid':
      return encoded({ ...event, revision: -1 })
    case 'rr_not_finite':
      return encoded({ ...event, rr: Number.NaN })
    case 'rr_out_of_range':
      return encoded({ ...event, rr: 1_000 })
    case 'measure_not_finite':
      return encoded({ ...event, measures: { vol_at_entry: Number.POSITIVE_INFINITY } })
    case 'exit_time_invalid':
      return encoded({ ...event, closed_at: 0 })
    case 'exit_in_future':
      return encoded({ ...event, closed_at: now + 3_600_000 })
  }
}
