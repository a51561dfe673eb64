/** Was everything applied once, and has it come to rest? By the oracle's reading of plan and log. */
import { PROJECTOR_CONSUMER } from '../core/runner/consumer-names.ts'
import { checkpointsOf } from '../core/store/memory/checkpoints.ts'
import { deadLettersOf } from '../core/store/memory/dead-letters.ts'
import { activeVersion, baselineOf, coefficientsOf as learnedOf, learnedTables } from '../core/store/memory/learned.ts'
import { outboxOf } from '../core/store/memory/outbox.ts'
import { isOpen, positionsOf } from '../core/store/memory/positions.ts'
import { strandTables } from '../core/store/memory/strands.ts'
import { eventId, type PositionClosed } from '../domain/event.ts'
import type { CoefficientRow } from '../domain/learning/offline.ts'
import { strandId } from '../domain/strand.ts'
import type { Asking } from './asking.ts'
import type { Bot } from './bot.ts'
import { coefficientsOf, type LogContents, readLog, scoreOf } from './oracle.ts'
import type { Others } from './others.ts'
import type { Edit, PlannedPost, PlannedTrade } from './planned.ts'
import type { Trader } from './trader.ts'
import { SCHEMA_ID, type World } from './world.ts'

const PRECISION = 1e-9
const LOOK_MS = 1_000
const READY_WITHIN_MS = 60_000

export interface Actors {
  asking: Asking
  trader: Trader
  bot: Bot
  others: Others
}

export const contentsOf = ({ broker, config }: World): LogContents => readLog(broker.all(config.topic), SCHEMA_ID)

/** What has not come to rest yet, each with what was expected; empty: all has. */
export function unrest(world: World, { asking, trader, bot, others }: Actors): string[] {
  const { plan, db, machines, broker, config } = world
  const found: string[] = []
  if (asking.holding()) found.push('an older state of the database is still to be put back')
  for (const trade of plan.trades) if (!trader.done.has(trade)) found.push(`${trade.position_id} is not reported whole`)
  for (const post of plan.posts) if (!bot.done.has(post)) found.push(`${post.trade.position_id} is not posted whole`)
  for (const edit of plan.edits) if (!others.done.has(edit)) found.push(`a ${edit.kind} waits for its trade in the log`)
  const waiting = outboxOf(db)
    .rows()
    .filter((row) => row.published_at === null)
  if (waiting.length > 0) found.push(`the outbox has ${waiting.length} rows: ${waiting[0]!.last_error ?? ''}`)
  for (const p of positionsOf(db).rows()) if (isOpen(p)) found.push(`${p.id} is open`)
  for (const { position_id } of db.table<{ position_id: string }>('pm_provisional').rows())
    if (tradesOf(world).find((t) => t.position_id === position_id && t.bars_at !== null && t.bars.length > 0))
      found.push(`${position_id} waits for its score`)
  for (const consumer of consumersOf(world))
    for (const { partition, end, written } of broker.offsets(config.topic)) {
      const row = checkpointsOf(db)
        .rows()
        .find((c) => c.consumer === consumer && c.partition === partition)
      const last = written ?? end
      if ((row?.checkpoint ?? 0) < last)
        found.push(`${consumer} stands at ${row?.checkpoint ?? 'nothing'} of ${last} in partition ${partition}`)
    }
  for (const { name, service } of machines) if (!service) found.push(`${name} has not started`)
  return found
}

const consumersOf = ({ db }: World): string[] => {
  const version = activeVersion(db)
  return [PROJECTOR_CONSUMER, version ? `learner/${version.model}/${version.hash.slice(0, 12)}` : 'no learner']
}

/** What is wrong, once all is at rest. */
export function wrongs(world: World, actors: Actors): string[] {
  const log = contentsOf(world)
  return [
    ...wrongLog(world, actors, log),
    ...wrongPosts(world, actors, log),
    ...needlessRevisions(world),
    ...wrongLedger(world, log),
    ...wrongCoefficients(world, log),
    ...wrongStrands(world, log),
    ...wrongLetters(world, log),
    ...wrongPositions(world),
  ]
}

const near = (a: number | null, b: number | null) =>
  a === b || (a !== null && b !== null && Math.abs(a - b) <= PRECISION * Math.max(1, Math.abs(a), Math.abs(b)))

const eventOf = (trade: PlannedTrade) => {
  const [first] = trade.executions
  return eventId(trade.position_id, eventId(trade.position_id, `execution ${first!.id}`))
}

const postedEvent = ({ trade: { position_id: id } }: PlannedPost) => eventId(id, id)

const tradesOf = ({ plan }: World): PlannedTrade[] => [...plan.trades, ...plan.posts.map((post) => post.trade)]

/** Does the log say of each trade what was reported, and what others said of it, and nothing else? */
function wrongLog({ plan, db }: World, { trader, others }: Actors, log: LogContents): string[] {
  const found: string[] = []
  const known = new Set([...plan.trades.map(eventOf), ...plan.posts.map(postedEvent)])
  for (const id of log.events.keys()) if (!known.has(id)) found.push(`the log has an event that nobody made: ${id}`)
  for (const [number, trade] of plan.trades.entries()) {
    const event = log.events.get(eventOf(trade))
    const say = (what: string, expected: unknown, is: unknown) =>
      found.push(`${trade.position_id}: its ${what} in the log is ${is}, expected ${expected}`)
    if (!event) {
      found.push(`${trade.position_id} is lost: the log does not have it`)
      continue
    }
    const edits = plan.edits.flatMap((e) => {
      const revision = 'revision' in e ? e.revision : others.made.get(e)
      return revision !== undefined && 'trade' in e && e.trade % plan.trades.length === number
        ? [{ edit: e, revision }]
        : []
    })
    const last = edits.toSorted((a, b) => b.revision - a.revision)[0]
    const change = last && changeOf(last.edit)
    const opened = trade.executions[0]!.at ?? event.opened_at
    const repriced = plan.edits.some((e) => e.kind === 'repricing' && e.trade % plan.trades.length === number)
    // what its position said when it was closed: nobody corrects it afterwards
    const entry = repriced ? (positionsOf(db).get(trade.position_id)?.avg_entry_price ?? undefined) : undefined
    const score = scoreOf(trade, opened, trade.executions.at(-1)!.at ?? event.closed_at, entry)
    if (event.opened_at !== opened) say('entry', opened, event.opened_at)
    if (event.voided !== (change?.voided ?? false)) say('voided', change?.voided, event.voided)
    if (last && event.revision !== last.revision) say('revision', last.revision, event.revision)
    if (!last && event.revision > 1) say('revision', '0 or 1', event.revision)
    if (!near(event.entry_price, score.entry_price)) say('entry price', score.entry_price, event.entry_price)
    if (!near(event.exit_price, score.exit_price)) say('exit price', score.exit_price, event.exit_price)
    if (change && !change.voided && event.rr !== change.rr) say('rr', change.rr, event.rr)
    if (!last && !near(event.rr, score.rr)) say('rr', score.rr, event.rr)
    if (!last && trade.executions.at(-1)!.at !== null && event.closed_at !== trade.executions.at(-1)!.at)
      say('exit', trade.executions.at(-1)!.at, event.closed_at)
    const told = trader.told.get(trade.position_id)
    if (told && told.event_id !== event.event_id) say('event_id', told.event_id, event.event_id)
  }
  return found
}

/** Does the log say of each posted trade what the bot said last, each of its revisions once? */
function wrongPosts({ plan }: World, { bot }: Actors, log: LogContents): string[] {
  return plan.posts.flatMap((post) => {
    const { trade, rr, revisions } = post
    const { position_id } = trade
    const event = log.events.get(postedEvent(post))
    if (!event) return [`${position_id} is lost: the log does not have it`]
    const { exit_price, voided } = revisions.at(-1)!
    const [entry, exit] = [trade.executions[0]!, { ...trade.executions.at(-1)!, price: exit_price }]
    const score = scoreOf({ ...trade, executions: [entry, exit] }, entry.at!, exit.at!)
    const expected = {
      opened_at: entry.at,
      closed_at: exit.at,
      entry_price: score.entry_price,
      exit_price: score.exit_price,
      rr: voided ? event.rr : (rr ?? score.rr),
    }
    const wrong = (Object.keys(expected) as (keyof typeof expected)[])
      .filter((name) => !near(event[name], expected[name]))
      .map((name) => `${position_id}: its ${name} in the log is ${event[name]}, expected ${expected[name]}`)
    if (event.voided !== voided) wrong.push(`${position_id}: voided in the log is ${event.voided}, expected ${voided}`)
    // each revision of the bot's is one of the log's, and a tick may score each once more
    const [least, most] = [revisions.length - 1, 2 * revisions.length - 1]
    if (event.revision < least || event.revision > most)
      wrong.push(`${position_id}: its revision in the log is ${event.revision}, expected ${least} to ${most}`)
    const told = bot.told.get(post)!.filter(({ event_id }) => event_id !== event.event_id)
    return [...wrong, ...told.map(({ event_id }) => `${position_id}: the bot was told the event ${event_id}`)]
  })
}

/** What a correction makes of its trade. */
const changeOf = (edit: Edit): { voided: boolean; rr: number | null } => ({
  voided: edit.kind === 'void' || (edit.kind === 'desk' && edit.rr === null),
  rr: edit.kind === 'correction' || edit.kind === 'desk' ? edit.rr : null,
})

/** A revision of the PM's that says what the one before it says. */
function needlessRevisions({ db }: World): string[] {
  const scores = new Map(
    outboxOf(db)
      .rows()
      .map(({ event_id, revision, payload: p }) => [
        `${event_id} ${revision}`,
        JSON.stringify([p?.rr, p?.return, p?.max_drawdown, p?.max_gain, p?.unscored_reason, p?.voided]),
      ]),
  )
  return outboxOf(db)
    .rows()
    .filter(
      (r) =>
        r.revision > 0 && scores.get(`${r.event_id} ${r.revision - 1}`) === scores.get(`${r.event_id} ${r.revision}`),
    )
    .map((r) => `${r.event_id}: revision ${r.revision} says what the one before it says`)
}

function wrongLedger({ db }: World, log: LogContents): string[] {
  const rows = new Map(
    learnedTables(db)
      .ledger.rows()
      .map((row) => [row.event_id, row]),
  )
  return differences(rows, log.events, 'the ledger', (row, event) =>
    row.revision !== event.revision ||
    row.voided !== event.voided ||
    row.rr !== event.rr ||
    row.closed_at !== event.closed_at
      ? `revision ${row.revision}, voided ${row.voided}, rr ${row.rr}; expected revision ${event.revision}, voided ${event.voided}, rr ${event.rr}`
      : null,
  )
}

function wrongCoefficients({ db }: World, log: LogContents): string[] {
  const version = activeVersion(db)
  if (!version) return log.events.size > 0 ? ['nothing is learned'] : []
  const expected = coefficientsOf(log.events.values())
  const rows = new Map<string, CoefficientRow>(learnedOf(db, version).map((c) => [`${c.name} ${c.key}`, c]))
  const base = baselineOf(db, version)
  if (base)
    rows.set('global ', {
      module: '',
      scope: 'global',
      name: 'global',
      key: '',
      weight: expected.get('global ')?.weight ?? 1,
      ...base,
    })
  return differences(rows, expected, 'the coefficients', (is, should) =>
    is.n !== should.n ||
    !near(is.rr_short, should.rr_short) ||
    !near(is.rr_long, should.rr_long) ||
    !near(is.weight, should.weight)
      ? `n ${is.n}, ${is.rr_short} and ${is.rr_long}, weight ${is.weight}; expected n ${should.n}, ${should.rr_short} and ${should.rr_long}, weight ${should.weight}`
      : null,
  )
}

function wrongStrands({ db }: World, log: LogContents): string[] {
  const rows = new Map(
    strandTables(db)
      .adStrands.rows()
      .map((row) => [row.id, row]),
  )
  const expected = new Map([...log.events].map(([id, event]) => [strandId(id), event]))
  return differences(rows, expected, 'ad_strands', (row, event: PositionClosed) =>
    row.status !== (event.voided ? 'voided' : 'active') ||
    row.metadata.revision !== event.revision ||
    row.content.trade_summary.rr !== event.rr
      ? `${row.status}, revision ${row.metadata.revision}, rr ${row.content.trade_summary.rr}; expected revision ${event.revision}, voided ${event.voided}, rr ${event.rr}`
      : null,
  )
}

/** Each refused record has one letter in the table, and at least one in the topic. */
function wrongLetters({ db, broker, config }: World, log: LogContents): string[] {
  const place = (partition: number | string, offset: number | string) => `${partition}/${offset}`
  const rows = new Map(
    deadLettersOf(db)
      .rows()
      .map((l) => [place(l.partition, l.offset), l]),
  )
  const expected = new Map(log.refused.map((l) => [place(l.partition, l.offset), l]))
  const header = (headers: Record<string, unknown>, name: string) => String(headers[`__connect.errors.${name}`])
  const sent = new Set(
    broker
      .all(config.deadLetterTopic)
      .map(({ record: { headers } }) => place(header(headers, 'partition'), header(headers, 'offset'))),
  )
  return [
    ...differences(rows, expected, 'the dead letters', (is, should) =>
      is.reason === should.reason || (should.reason === 'not_avro' && is.reason === 'truncated')
        ? null
        : `${is.reason}, expected ${should.reason}`,
    ),
    ...[...expected.keys()].filter((at) => !sent.has(at)).map((at) => `the dead-letter topic lacks ${at}`),
    ...[...sent].filter((at) => !expected.has(at)).map((at) => `the dead-letter topic has ${at}, which is good`),
  ]
}

function wrongPositions({ db, plan }: World): string[] {
  return plan.trades.flatMap((trade) => {
    const completed =
      positionsOf(db)
        .get(trade.position_id)
        ?.completed_trades.map((t) => t.event_id) ?? []
    return completed.length === 1 && completed[0] === eventOf(trade)
      ? []
      : [`${trade.position_id} has completed trades ${completed}`]
  })
}

/** Services that do not say that they can do their job, although nothing is wrong any more. */
export async function notReady({ machines, scheduler }: World): Promise<string[]> {
  const reasons = new Map(machines.map(({ name }) => [name, 'it does not answer' as string | undefined]))
  const ask = () => {
    for (const { name, service } of machines)
      if (reasons.get(name) !== undefined)
        service?.ready().then(({ ok, reason }) => reasons.set(name, ok ? undefined : reason))
    scheduler.after(LOOK_MS, ask)
  }
  ask()
  await scheduler.run(
    () => [...reasons.values()].every((reason) => reason === undefined),
    scheduler.now() + READY_WITHIN_MS,
  )
  return [...reasons].flatMap(([name, reason]) => (reason === undefined ? [] : [`${name} is not ready: ${reason}`]))
}

/** What one side has and the other lacks, and what differs. */
function differences<A, B>(
  is: Map<string, A>,
  should: Map<string, B>,
  where: string,
  differ: (a: A, b: B) => string | null,
): string[] {
  const found: string[] = []
  for (const [key, b] of should) {
    const a = is.get(key)
    const difference = a === undefined ? null : differ(a, b)
    if (a === undefined) found.push(`${where}: ${key} is missing`)
    else if (difference) found.push(`${where}: ${key} has ${difference}`)
  }
  for (const key of is.keys()) if (!should.has(key)) found.push(`${where}: ${key} should not be there`)
  return found
}
