/**
 * Somebody else who writes to the topic: trades of an importer, corrections and voids in any order and through any partition, records that were published
 * before, and poison. What was not acknowledged is sent again: the log then has it twice.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Dice } from '../dice.ts'
import type { Stage } from '../stage.ts'
import { type ClosedTrade, toBytes } from './event.ts'
import { poisonOf, type RawRecord } from './poison.ts'
import { createSender } from './sender.ts'
import { BAR_MS, contextOf, type Timeframe } from './trades.ts'

export interface Publisher {
  /** An event that the PM closed: it may be corrected, voided, published again. */
  know(event: ClosedTrade): void
  counts: { trades: number; corrections: number; voids: number; duplicates: number; poison: number }
  /** Of each trade the highest revision that was acknowledged. */
  published: Map<string, number>
  /** Sends what is left, and ends. */
  stop(): Promise<void>
}

export interface PublisherOptions {
  dice: Dice
  /** On average, outages included. */
  perSecond: number
  schemaId: number
  now: number
  signal: AbortSignal
}

const ROUND_MS = 200
/** In one request; what an outage left behind is made up for with several. */
const MOST_AT_ONCE = 1_000
const DAY_MS = 86_400_000
/** So many of the newest events may be meant. */
const REMEMBERED = 5_000
/** Partitions that every topic of ours has from its start. */
const PARTITIONS = 6
const SHARES = { correction: 0.08, void: 0.03, duplicate: 0.12, poison: 0.01 }

const isScored = ({ rr, provisional }: ClosedTrade) => rr !== null && !provisional

export function startPublisher(stage: Stage, options: PublisherOptions): Publisher {
  const { dice, perSecond, schemaId, now, signal } = options
  const counts = { trades: 0, corrections: 0, voids: 0, duplicates: 0, poison: 0 }
  const published = new Map<string, number>()
  const known: ClosedTrade[] = []
  /** The highest revision of a trade that was made here. */
  const revisions = new Map<string, number>()
  /** What overtakes it goes first. */
  let overtaken: ClosedTrade[] = []
  let stopping = false

  function know(event: ClosedTrade): void {
    if (known.length < REMEMBERED) known.push(event)
    else known[dice.below(REMEMBERED)] = event
  }

  function trade(): ClosedTrade {
    const timeframe = dice.pick(Object.keys(BAR_MS) as Timeframe[])
    const closed_at = Math.floor(now - dice.next() * 120 * DAY_MS)
    const rr = dice.chance(0.05) ? null : Math.round(dice.between(-4, 6) * 1e6) / 1e6
    const context = contextOf(dice)
    const texts = Object.entries(context).filter(([, value]) => typeof value === 'string')
    const numbers = Object.entries(context).filter(([, value]) => typeof value === 'number')
    return {
      event_id: randomUUID(),
      revision: 0,
      voided: false,
      position_id: `imported-${randomUUID()}`,
      trade_id: randomUUID().slice(0, 8),
      symbol: 'TORTURE',
      token_contract: '0xtorture',
      chain: 'base',
      timeframe,
      decision_type: 'trim',
      opened_at: closed_at - BAR_MS[timeframe],
      closed_at,
      entry_price: 1,
      exit_price: 1.5,
      rr,
      return: 0.5,
      max_drawdown: rr === null ? null : 0.1,
      max_gain: rr === null ? null : 0.6,
      unscored_reason: rr === null ? 'no_ohlcv' : null,
      provisional: null,
      net_return: 0.498,
      fees: 0.002,
      stake: 1,
      risk_at_entry: rr === null ? null : 0.1,
      levers: Object.fromEntries(texts) as Record<string, string>,
      measures: Object.fromEntries(numbers) as Record<string, number>,
      regime_context: { market: 'tortured' },
      // of freqtrade's trades lowcap-v4 learns nothing, but each is a strand
      source: dice.chance(0.05) ? 'import:freqtrade' : 'backfill',
    }
  }

  const record = (event: ClosedTrade): RawRecord => ({
    key: event.position_id,
    value: toBytes(event, schemaId),
    ...(dice.chance(0.3) ? { partition: dice.below(PARTITIONS) } : {}),
  })

  /** The next revision of a trade. Those without a score, or with a provisional one, are the PM's to score. */
  function revised(event: ClosedTrade, voided: boolean): ClosedTrade {
    const was = revisions.get(event.event_id) ?? event.revision
    const next = (revision: number): ClosedTrade => {
      const made = {
        ...event,
        revision,
        voided,
        rr: Math.round(dice.between(-4, 6) * 1e6) / 1e6,
        closed_at: event.closed_at - dice.below(3) * 3_600_000,
        levers: dice.chance(0.3) ? { ...event.levers, curator: 'corrected' } : event.levers,
      }
      if (dice.chance(0.2)) know(made)
      return made
    }
    if (!voided && dice.chance(0.3)) {
      revisions.set(event.event_id, was + 2)
      overtaken.push(next(was + 1))
      return next(was + 2)
    }
    revisions.set(event.event_id, was + 1)
    return next(was + 1)
  }

  /** `events`: what the records are, but for poison; `fresh`: those of them that are new trades. */
  function round(size: number): { records: RawRecord[]; events: ClosedTrade[]; fresh: ClosedTrade[] } {
    const events: ClosedTrade[] = []
    const records: RawRecord[] = []
    const add = (event: ClosedTrade) => {
      events.push(event)
      records.push(record(event))
    }
    for (const event of overtaken) add(event)
    overtaken = []
    const fresh: ClosedTrade[] = []
    for (let i = 0; i < size; i++) {
      const kind = dice.next()
      const event = known.length > 0 ? dice.pick(known) : undefined
      if (event && kind < SHARES.duplicate) {
        add(event)
        counts.duplicates++
      } else if (event && isScored(event) && kind < SHARES.duplicate + SHARES.correction) {
        add(revised(event, false))
        counts.corrections++
      } else if (event && isScored(event) && kind < SHARES.duplicate + SHARES.correction + SHARES.void) {
        add(revised(event, true))
        counts.voids++
      } else if (kind > 1 - SHARES.poison) {
        records.push(poisonOf(dice, trade(), schemaId))
        counts.poison++
      } else {
        const made = trade()
        fresh.push(made)
        add(made)
        counts.trades++
      }
    }
    return { records, events, fresh }
  }

  async function run(): Promise<void> {
    const sender = createSender(stage, signal)
    try {
      const begun = performance.now()
      let sent = 0
      while (!stopping) {
        await sleep(ROUND_MS, undefined, { signal })
        const due = Math.floor(((performance.now() - begun) / 1_000) * perSecond)
        for (; sent < due && !stopping; ) {
          const size = Math.min(MOST_AT_ONCE, due - sent)
          await publish(size)
          sent += size
        }
      }
      await publish(0)
    } finally {
      await sender.close()
    }

    async function publish(size: number): Promise<void> {
      const { records, events, fresh } = round(size)
      if (records.length > 0) await sender.send(records)
      for (const { event_id, revision } of events)
        published.set(event_id, Math.max(revision, published.get(event_id) ?? revision))
      for (const event of fresh) know(event)
    }
  }

  const running = run()
  running.catch(() => {}) // whoever stops hears of it
  return {
    know,
    counts,
    published,
    async stop() {
      stopping = true
      await running
    },
  }
}
