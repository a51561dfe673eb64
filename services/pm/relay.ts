/**
 * The relay: events from the outbox into the log.
 *
 * A row comes here in one of two ways. `offer` hands over a row that this process has just written, claimed for us in the same transaction: it is
 * published at once. And a poll claims rows of others: of a relay that died (its lease ran out), of importers, of a close in another process. A
 * claim is a lease, so several relays share the work; it is not a lock, so a row may be published twice, by a relay that lost its answer or its
 * lease. The ledger absorbs that. What a row is never: marked as published before the log has acknowledged it.
 *
 * An exit that the log's clock has not reached is one that readers refuse: such a row waits (log-clock.ts). Where only the acknowledgement shows it,
 * the row stays unpublished and its event is sent again when that time has come: the copy that came too early is a dead letter, this one counts.
 *
 * publish → mark. A crash between the two re-publishes. A mark that fails is tried again; after that the row's lease runs out, with the same result.
 */
import type { Clock } from '../../core/clock.ts'
import type { Codec } from '../../core/codec/codec.ts'
import { explain, findStrandlineError } from '../../core/errors.ts'
import type { Liveness, Loop } from '../../core/liveness.ts'
import type { EventLog, OutgoingRecord } from '../../core/log/log.ts'
import type { Logger } from '../../core/logger.ts'
import type { Mark, Outbox, OutboxRow } from '../../core/store/outbox-store.ts'
import { addRecordSpans, tracing } from '../../core/telemetry.ts'
import { eventHeaders } from './headers.ts'
import { createLogClock } from './log-clock.ts'
import type { RelayMetrics } from './metrics.ts'
import { isFaultOfEvent } from './publish-errors.ts'
import { createMarker } from './publish-marks.ts'
import { publishSpans } from './publish-spans.ts'

/** A record batch of a broker holds 1 MB by default; other batches may travel in the same request. */
const BATCH_BYTES = 256 * 1024
const BATCH_ROWS = 500
const REST_MS = 500
const CHECK_MS = 5_000
/** A row whose wait is over is claimed again well before this; otherwise somebody else published it. */
const LEASED_MS = 60_000

export interface RelayOptions {
  outbox: Outbox
  log: EventLog
  codec: Codec
  clock: Clock
  logger: Logger
  metrics?: RelayMetrics
  topic: string
  /** Looks whose log it is, and creates the topics; before the first publication, and tried again until it succeeds. false: not for good, it is asked again now and then. */
  prepare?: () => Promise<unknown>
  /** Whether the outbox still goes into this topic; asked now and then. Error: CONFIG_INVALID. */
  check?: () => Promise<unknown>
  /** Milliseconds between two looks for rows of others. */
  pollMs?: number
  liveness?: Liveness
}

export interface Relay {
  /** Publishes a row that is claimed for this relay. Never throws: what fails is found by a later poll. */
  offer(row: OutboxRow): void
  /** Why nothing can be published now; undefined when all is well. */
  failure(): string | undefined
  /** Claims and publishes what is free, once; returns how many rows it took. */
  poll(): Promise<number>
  /** Publishes what was offered, gives back what it cannot, and ends. */
  stop(): Promise<void>
}

export function startRelay(options: RelayOptions): Relay {
  const { outbox, log, codec, clock, logger, metrics, topic, prepare, check, pollMs = 500, liveness } = options
  const stopping = new AbortController()
  const stopped = new Promise<void>((resolve) =>
    stopping.signal.addEventListener('abort', () => resolve(), { once: true }),
  )
  let offered: OutboxRow[] = []
  let flushing: Promise<void> | undefined
  let down: string | undefined
  let prepared = prepare === undefined
  let prepareAgainAt = Number.POSITIVE_INFINITY
  const logClock = createLogClock(clock)
  /** Rows that wait for the log's clock, and until when by ours. */
  const held = new Map<number, number>()
  const polls = liveness?.loop('The poll of the outbox')
  const flushes = liveness?.loop('The publishing of what closes')
  const marks = liveness?.loop('The marking of what is published')
  const marker = createMarker(outbox, topic, clock, logger, stopping.signal, marks)

  function failed(cause: 'log' | 'registry', error: unknown): void {
    metrics?.failures.inc({ cause })
    const reason = explain(error)
    if (down === undefined) logger.warn({ err: error }, `Events wait in the outbox: ${reason}`)
    down = reason
    if (cause === 'log') prepared = prepare === undefined // what comes back may be another log
  }

  function succeeded(): void {
    if (down !== undefined) logger.info('Events are published again.')
    down = undefined
  }

  async function release(rows: OutboxRow[], reason: string | null, growing = false, restMs = REST_MS): Promise<void> {
    if (rows.length === 0) return
    const ids = rows.map((r) => r.id)
    // The database is away too: the lease runs out by itself.
    await outbox
      .release(ids, reason, restMs, growing)
      .catch((err) => logger.debug({ err, ids }, 'rows were not given back'))
  }

  async function refuse(row: OutboxRow, error: unknown): Promise<void> {
    metrics?.failures.inc({ cause: 'event' })
    logger.error(
      { err: error, event_id: row.payload?.event_id, outbox_id: row.id },
      `An event cannot be published: ${explain(error)}`,
    )
    await release([row], explain(error), true)
  }

  async function hold(row: OutboxRow, ms: number): Promise<void> {
    const reason = `Its exit (${new Date(row.payload.closed_at).toISOString()}) lies in the future by the clock of the log: readers would refuse it. It is published once that time has come; check the clocks.`
    if (!held.has(row.id))
      logger.warn({ event_id: row.payload.event_id, outbox_id: row.id }, `An event waits in the outbox. ${reason}`)
    held.set(row.id, clock.now() + ms)
    await release([row], reason, false, ms)
  }

  /** Publishes rows in the order given; each one ends marked, released or refused. */
  async function publish(claimed: OutboxRow[], loop: Loop | undefined): Promise<void> {
    const rows: OutboxRow[] = []
    for (const row of claimed) {
      const ms = logClock.wait(row)
      if (ms > 0) await hold(row, ms)
      else rows.push(row)
    }
    let batch: { row: OutboxRow; record: OutgoingRecord }[] = []
    let bytes = 0
    for (const [index, row] of rows.entries()) {
      let record: OutgoingRecord
      loop?.beat()
      try {
        record = await recordOf(row)
      } catch (error) {
        if (isFaultOfEvent(error)) {
          await refuse(row, error)
          continue
        }
        failed('registry', error)
        await release([...batch.map((b) => b.row), ...rows.slice(index)], explain(error))
        return
      }
      batch.push({ row, record })
      bytes += record.value?.length ?? 0
      if (bytes < BATCH_BYTES && batch.length < BATCH_ROWS) continue
      await produce(batch, loop)
      batch = []
      bytes = 0
    }
    await produce(batch, loop)
  }

  async function recordOf(row: OutboxRow): Promise<OutgoingRecord> {
    const { payload, traceparent, recorded_at } = row
    const value = await codec.encode(payload) // says first what is wrong with the event
    const headers = eventHeaders(payload, traceparent, recorded_at)
    return { key: payload.position_id, value, headers, timestamp: logClock.stamp(row) }
  }

  async function produce(batch: { row: OutboxRow; record: OutgoingRecord }[], loop: Loop | undefined): Promise<void> {
    if (batch.length === 0) return
    loop?.beat()
    const started = clock.now()
    try {
      await prepareOnce()
      const placed = await log.produce(
        topic,
        batch.map((b) => b.record),
      )
      metrics?.publishSeconds.observe((clock.now() - started) / 1000)
      metrics?.published.inc(batch.length)
      if (tracing()) addRecordSpans(publishSpans(batch, placed, topic, started, clock.now()))
      succeeded()
      logClock.heard(placed.at(-1)!.appendedAt)
      const marks: Mark[] = []
      for (const [i, { row }] of batch.entries()) {
        const { partition, offset, appendedAt } = placed[i]!
        const late = logClock.lateBy(row, appendedAt)
        if (late > 0) await hold(row, late)
        else {
          held.delete(row.id)
          marks.push([row.id, partition, offset])
        }
      }
      marker.add(marks)
    } catch (error) {
      if (!prepared || !isFaultOfEvent(error)) {
        failed('log', error)
        await release(
          batch.map((b) => b.row),
          explain(error),
        )
      } else if (batch.length === 1) await refuse(batch[0]!.row, error)
      else for (const one of batch) await produce([one], loop) // one of them: the others must not wait for it
    }
  }

  function flush(): void {
    flushing ??= (async () => {
      await Promise.resolve() // what is offered in the same turn travels together
      while (offered.length > 0) {
        const rows = offered
        offered = []
        flushes?.beat()
        if (down === undefined) await publish(rows, flushes)
        else await release(rows, null) // a poll probes; rows wait in the database, not here
      }
      flushes?.rest()
      flushing = undefined
    })()
  }

  async function prepareOnce(): Promise<void> {
    if (prepared && clock.now() < prepareAgainAt) return
    prepared = false
    const forGood = (await prepare?.()) !== false
    prepared = true
    prepareAgainAt = forGood ? Number.POSITIVE_INFINITY : clock.now() + CHECK_MS
  }

  /** Is the log there? Asked when nothing is published that would show it. */
  async function probe(): Promise<void> {
    try {
      await prepareOnce()
      await log.offsets(topic)
      succeeded()
    } catch (error) {
      if (!stopping.signal.aborted) failed('log', error) // nobody waits for the answer any more
    }
  }

  async function recheck(): Promise<void> {
    try {
      if (prepared) await check?.()
    } catch (error) {
      if (findStrandlineError(error)?.code !== 'CONFIG_INVALID') throw error
      failed('log', error)
    }
  }

  async function measure(): Promise<void> {
    const { depth, refused, oldest_seconds } = await outbox.state()
    metrics?.depth.set(depth)
    metrics?.refused.set(refused)
    metrics?.age.set(oldest_seconds)
    for (const [id, until] of held) if (until + LEASED_MS < clock.now()) held.delete(id) // another relay has taken it
    metrics?.held.set(held.size)
  }

  async function poll(): Promise<number> {
    const rows = await outbox.claim(down === undefined ? BATCH_ROWS : 1, topic)
    polls?.beat()
    await publish(rows, polls)
    polls?.rest() // the marker beats for itself
    await marker.idle()
    polls?.beat()
    return rows.length
  }

  const polling = (async () => {
    let checkedAt = Number.NEGATIVE_INFINITY
    let away = false
    while (!stopping.signal.aborted) {
      let claimed = 0
      polls?.beat()
      try {
        claimed = await poll()
        if (clock.now() - checkedAt >= CHECK_MS) {
          checkedAt = clock.now()
          await measure()
          await recheck()
          // A client that looks for a lost broker takes its time: whoever stops does not wait for it.
          if (claimed === 0) await Promise.race([probe(), stopped])
        }
        if (away) logger.info('The outbox can be read again.')
        away = false
      } catch (err) {
        if (!away) logger.warn({ err }, `The outbox cannot be read: ${explain(err)}`)
        away = true
      }
      const more = down === undefined && claimed === BATCH_ROWS
      if (!more) await clock.sleep(pollMs, stopping.signal)
    }
  })()

  liveness?.keeps('The poll of the outbox', polling, stopping.signal)
  return {
    offer(row) {
      offered.push(row)
      flush()
    },
    failure: () => down,
    poll,
    async stop() {
      stopping.abort()
      await polling
      await flushing
      await marker.idle()
    },
  }
}
