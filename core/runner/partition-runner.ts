/**
 * One partition of the log into one transaction of the database, chunk by chunk, exactly once. The learner and the projector both run on this.
 *
 * What happens when is a table: transitions.ts, explained in docs/runner.md. Here is what carries it out: for each state the question that it asks (ASK),
 * for each action what it does (ACT), and the calls from outside.
 *
 * - *Claim first* (claim-partition.ts). What the log delivers is immutable, so it may have been fetched before.
 * - *Skip below, apply at or above, never equality*: offsets are sparse. `cursor` is the next offset to look at. A batch that starts above it may mean
 *   that the group's offset ran ahead of the database, so we seek back; only what the log then says it passed over (aborted transactions) is a gap.
 * - *Replay*: the group's offset lies below the database's checkpoint (someone reset it, or we died between the two commits). What is in the ledger is a
 *   no-op, what is not is applied; the database's checkpoint does not move back.
 * - *An unknown outcome is not a failure*: every commit carries an id; when its answer is lost, we ask the checkpoint for the newest id.
 * - *waits*: a record cannot be read yet. What lies before it is applied without it: new ones of its kind, which come with every fetch, would otherwise
 *   hold back the trades between them for as long as they come.
 * - A database that refuses a chunk, or does not answer in time, gets it in smaller pieces; one that refuses a single record stops the partition, loudly.
 *   After a few attempts the batch is handed back to the log, so that other partitions get their turn.
 */
import type { StrandlineError } from '../errors.ts'
import { systemIds } from '../ids.ts'
import type { BatchControl, LogBatch, LogGap, LogRecord, PartitionHandler } from '../log/log.ts'
import type { Standing } from '../store/checkpoint-store.ts'
import { checkBounds, wentBack } from './checkpoints.ts'
import type { Chunk, Claim, Waits } from './chunk-processor.ts'
import { type ClaimedPartition, createClaimer } from './claim-partition.ts'
import { backoff, createRetry, isTransient, shouldLog } from './retry.ts'
import type { RunnerOptions } from './runner-options.ts'
import { createSlots, type Slot } from './slots.ts'
import { type Action, atRest, type Busy, type Event, type EventIn, step } from './transitions.ts'

export type { Applied, Chunk, ChunkProcessor, Claim, Waits } from './chunk-processor.ts'
export type { RunnerEvents, RunnerOptions } from './runner-options.ts'

/** Attempts at one chunk until its batch is handed back to the log. */
const ATTEMPTS = 6
/** From so many times in a row on, being overtaken is told. */
const OVERTAKEN = 10

export interface PartitionRunner extends Required<PartitionHandler> {
  idle(): boolean
  /** Why something is tried again; null when nothing is. */
  retrying(): string | null
  /** The checkpoint of each partition that is claimed, as it was last committed or read; null: nothing applied. */
  known(): Map<number, number | null>
  /** The database says `to` although more was committed: true when the partition's next batch claims it anew. */
  rewind(partition: number, to: number | null): Promise<boolean>
  /** Claims a partition that is ours and has no claim, or one that somebody else has overtaken. Where reading goes on; null: nothing was to be done. */
  claimAgain(partition: number): Promise<number | null>
}

/** One call from outside, and what has come of it so far. */
interface Call extends BatchControl {
  /** The group's offset, where the group gave us the partition. */
  groupOffset?: number | null | 'earliest'
  batch?: LogBatch
  gap?: LogGap
  /** Of the batch, what is to be applied; from index `at` on it is not applied yet. */
  records: LogRecord[]
  at: number
  /** Attempts at the chunk. */
  attempt: number
  chunk?: Chunk
  /** When the chunk was handed to the database; monotonic, ms. */
  started: number
  /** What was answered last. */
  claimed?: ClaimedPartition
  /** Version and checkpoint are those of our commit: a transaction took place. */
  committed?: boolean
  waits?: Waits
  error?: StrandlineError
  standing?: Standing
  /** Where the database's checkpoint went back to. */
  wentTo?: number | null
}

export function createPartitionRunner(options: RunnerOptions): PartitionRunner {
  const { consumer, topic, holder, checkpoints, log, clock, logger, processor } = options
  const { ids = systemIds, maxChunk = 20_000, events = {} } = options
  const untilAnswered = createRetry(clock, logger)
  const claimPartition = createClaimer(options, untilAnswered)
  const { slots, slotOf } = createSlots(maxChunk)

  /** Carries an event through the table until the partition is at rest again. */
  async function run(slot: Slot, call: Call, first: Event): Promise<void> {
    let event = first
    for (;;)
      try {
        const { to, does } = step(slot.state, event)
        slot.state = to
        for (const action of does) {
          const done = ACT[action](slot, call)
          if (done) await done
        }
        if (atRest(to)) return
        event = await ASK[to](slot, call)
      } catch (error) {
        if (!atRest(slot.state)) slot.state = step(slot.state, 'faulted').to
        throw error
      }
  }

  const ASK: { [S in Busy]: (slot: Slot, call: Call) => Promise<EventIn<S>> } = {
    async claiming(slot, call) {
      if (!call.isActive()) return 'gone' // its next holder would be fenced
      const { partition, cursor } = slot
      const { groupOffset: from = cursor, isActive, heartbeat } = call
      const failed = (message: string) => {
        slot.failure = message
      }
      call.claimed = await claimPartition({ partition, from, active: isActive, heartbeat, failed })
      return call.claimed ? 'claimed' : 'gone'
    },

    /** Perhaps we are still the rightful holder (the other claim came from a zombie). The heartbeat throws for a zombie. */
    async proving(slot, call) {
      await clock.sleep(backoff(2 + slot.failures++))
      await call.heartbeat()
      return 'member'
    },

    checking: readCheckpoint,

    async placing(slot, call) {
      if (call.gap) return placeGap(slot, call.gap)
      const batch = call.batch as LogBatch
      const { cursor } = slot
      if (batch.fetchedOffset > cursor || batch.highWatermark < cursor) {
        const placed = await askWhere(slot, batch, call)
        if (placed !== 'follows') return placed
      }
      slot.soughtOffset = null
      call.records = recordsFrom(slot.cursor, batch)
      if (call.records.length > 0) return 'follows'
      // all of it is known; what lies behind it nobody may read, but the checkpoint moves past it
      call.gap = { partition: slot.partition, from: slot.cursor, next: batch.nextOffset }
      return placeGap(slot, call.gap)
    },

    async applying(slot, call) {
      const { records, at } = call
      if (at === records.length) return 'drained'
      if (!call.isActive()) return 'gone'
      const end = endOfChunk(records, at, slot)
      const next = records[end]?.offset ?? (call.batch as LogBatch).nextOffset
      // below the checkpoint nothing need be committed any more
      const more = end < records.length && next !== slot.waitsAt && next >= (slot.claim?.checkpoint ?? 0)
      return apply(slot, call, begin(slot, call, records.slice(at, end), next, more))
    },

    async retrying(_, call) {
      if (++call.attempt === ATTEMPTS) return 'exhausted'
      await call.heartbeat()
      return 'ready'
    },

    async doubting(slot, call) {
      const read = await readCheckpoint(slot, call)
      if (read !== 'ours') return read
      return call.standing?.last_commit === call.chunk?.commitId ? 'happened' : 'notHappened'
    },

    overtaken: readCheckpoint,

    async passing(slot, call) {
      if (!call.isActive()) return 'gone'
      const { next } = call.gap as LogGap
      const { checkpoint } = slot.claim as Claim
      const chunk = begin(slot, call, [], next)
      if (checkpoint !== null && checkpoint >= next) return 'applied' // a replay: the database is beyond it
      return apply(slot, call, chunk) as Promise<EventIn<'passing'>>
    },

    passingOvertaken: readCheckpoint,
  }

  const ACT: Record<Action, (slot: Slot, call: Call) => void | Promise<void>> = {
    hold(slot, { claimed }) {
      const { claim, start } = claimed as ClaimedPartition
      slot.claim = claim
      slot.cursor = start
      slot.soughtOffset = null
      slot.overtaken = 0
      slot.failure = null
    },
    letGo(slot) {
      slot.claim = null
    },
    clear(slot) {
      slot.failure = null
    },
    seek(slot, call) {
      if (!call.isActive()) return
      if (call.batch && !call.gap) slot.soughtOffset = slot.cursor
      call.seek(slot.cursor)
    },
    count(slot, call) {
      const { records, next } = call.chunk as Chunk
      const { partition } = slot
      const claim = slot.claim as Claim
      if (call.committed) {
        claim.version++
        claim.checkpoint = Math.max(claim.checkpoint ?? 0, next)
      }
      if (records.length > 0) slot.chunkSize = Math.min(maxChunk, slot.chunkSize * 2)
      const highWatermark = call.batch?.highWatermark ?? next
      events.committed?.({ partition, records, next, highWatermark, ms: clock.monotonic() - call.started })
    },
    advance(slot, call) {
      const { records, next } = call.chunk as Chunk
      call.at += records.length
      call.attempt = 0
      slot.cursor = next
      slot.failures = 0
      slot.overtaken = 0
      slot.failure = null
    },
    tellGroup: (slot, call) => call.commitOffset(slot.cursor),
    heartbeat: (_, call) => call.heartbeat(),
    forget: (slot) => processor.forget(slot.claim as Claim),
    adopt(slot, { standing }) {
      const { version, checkpoint } = standing as Standing
      const claim = slot.claim as Claim
      claim.version = version
      claim.checkpoint = checkpoint
    },
    halve(slot, { error, chunk }) {
      const size = chunk?.records.length ?? 0
      if (error?.code.startsWith('STORE_') && size > 1) slot.chunkSize = Math.ceil(size / 2)
    },
    pause: (slot) => clock.sleep(backoff(slot.failures++)),
    pauseUnlessFirst(slot, { attempt }) {
      if (attempt > 0) return clock.sleep(backoff(slot.failures++))
    },
    noteWaits(slot, call) {
      const { offset, error } = call.waits as Waits
      if (slot.waitsAt !== offset || shouldLog(slot.failures)) warn(slot, error.message, { code: error.code, offset })
      slot.waitsAt = offset
      slot.failure = error.message
    },
    noteFailure(slot, { error, chunk }) {
      const { code, message } = error as StrandlineError
      slot.failure = message
      if (shouldLog(slot.failures)) warn(slot, message, { code, records: chunk?.records.length })
    },
    /** Now and then that is how it goes. Again and again, it is a fault that a person must see. */
    noteOvertaken(slot) {
      if (++slot.overtaken < OVERTAKEN) return
      slot.failure = `${topic}/${slot.partition}: the state that the records from offset ${slot.cursor} on change was changed by others ${slot.overtaken} times in a row before it could be committed.`
      if (slot.overtaken === OVERTAKEN || shouldLog(slot.overtaken)) warn(slot, slot.failure, {})
    },
    tellOutcome({ partition }, { standing, chunk }) {
      events.unknownOutcome?.(partition, standing?.last_commit === chunk?.commitId)
    },
    tellFenced(slot) {
      events.fenced?.(slot.partition)
      const what = `was claimed by another ${consumer}; abandoning what is not committed`
      warn(slot, `${topic}/${slot.partition} ${what}`, { epoch: slot.claim?.epoch })
    },
    tellWentBack(slot, { wentTo: to }) {
      const from = slot.claim?.checkpoint
      const what = `the database's checkpoint went back from ${from} to ${to ?? 'nothing'}; reading again from there`
      warn(slot, `${topic}/${slot.partition}: ${what}`, { from, to })
    },
    tellMissing(slot) {
      const what = 'is ours, but not claimed by us in the database; claiming it again'
      warn(slot, `${topic}/${slot.partition} ${what}`, {})
    },
  }

  function warn({ partition, failures }: Slot, message: string, details: Record<string, unknown>): void {
    logger.warn({ partition, attempt: failures, ...details }, message)
  }

  /** The batch does not start where we stand: does anything lie between? */
  async function askWhere(slot: Slot, batch: LogBatch, call: Call): Promise<'follows' | 'beyond' | 'gone'> {
    const where = `${topic}/${slot.partition}`
    const question = `read the offsets of ${topic}`
    const all = await untilAnswered(question, () => log.offsets(topic), call.isActive, call.heartbeat)
    if (!all) return 'gone'
    const range = all.find((o) => o.partition === slot.partition)
    if (range) {
      checkBounds(where, consumer, slot.claim?.checkpoint ?? slot.cursor, range)
      slot.cursor = Math.max(slot.cursor, range.start) // of a replay, the log need not have everything any more
    }
    const { cursor } = slot
    const { fetchedOffset: fetched, afterGap } = batch
    if (fetched <= cursor || (afterGap && slot.soughtOffset === cursor)) return 'follows'
    logger.info(
      { partition: slot.partition, fetched, cursor },
      `${where}: the log ran ahead of the database; reading again from ${cursor}`,
    )
    return 'beyond'
  }

  function placeGap(slot: Slot, { from, next }: LogGap): 'empty' | 'beyond' | 'behind' {
    if (slot.cursor >= next) return 'behind'
    if (slot.cursor >= from) return 'empty'
    // the log went on from elsewhere, and with nothing behind the gap no batch would show it
    if (slot.gapSoughtFrom === slot.cursor) return 'behind'
    slot.gapSoughtFrom = slot.cursor
    return 'beyond'
  }

  function begin(slot: Slot, call: Call, records: LogRecord[], next: number, more = false): Chunk {
    const first = records[0]?.offset ?? next
    const replay = first < (slot.claim?.checkpoint ?? 0)
    const chunk = { records, next, more, commitId: ids.uuid(), replay }
    call.chunk = chunk
    call.started = clock.monotonic()
    call.committed = false
    return chunk
  }

  async function apply(slot: Slot, call: Call, chunk: Chunk) {
    try {
      const applied = await processor.apply(slot.claim as Claim, chunk)
      if (applied.status === 'waits') {
        call.waits = applied
        return applied.offset > (chunk.records[0]?.offset ?? 0) ? 'waitsFurtherOn' : 'waits'
      }
      if (applied.status !== 'ok') return applied.status
      call.committed = applied.committed !== false
      return 'applied'
    } catch (error) {
      if (!isTransient(error)) throw error
      call.error = error
      return 'failed'
    }
  }

  async function readCheckpoint({ partition, claim }: Slot, call: Call) {
    const now = await untilAnswered(
      `read the checkpoint of ${topic}/${partition}`,
      () => checkpoints.read({ consumer, topic, partition }),
      call.isActive,
      call.heartbeat,
    )
    if (now === undefined) return 'gone'
    // where a dump was restored, somebody else's claim may have the number of ours
    if (now === null || now.epoch !== claim?.epoch || (now.holder ?? holder) !== holder) return 'fenced'
    call.standing = now
    call.wentTo = now.checkpoint
    return wentBack(claim.checkpoint, now.checkpoint) ? 'wentBack' : 'ours'
  }

  /** A call ends with the assignment that it was made in. */
  function callOf(slot: Slot, of: Partial<Call>): Call {
    const { assignment } = slot
    return {
      heartbeat: async () => {},
      seek: () => {},
      commitOffset: async () => {},
      records: [],
      at: 0,
      attempt: 0,
      started: 0,
      ...of,
      isActive: () => slot.assignment === assignment && (of.isActive?.() ?? true),
    }
  }

  /** What the log hands over. */
  async function handed(slot: Slot, event: 'batch' | 'gap', of: Partial<Call>): Promise<void> {
    const call = callOf(slot, of)
    slot.handed++
    try {
      await slot.mutex(async () => {
        if (call.isActive()) await run(slot, call, event)
      })
    } finally {
      slot.handed--
    }
  }

  /** Where reading is to start once the partition is claimed; null where it was not. */
  async function startOn(slot: Slot, event: 'assigned' | 'claimMissing', of: Partial<Call>): Promise<number | null> {
    let start: number | null = null
    const seek = (offset: number) => {
      start = offset
    }
    const call = callOf(slot, { ...of, seek })
    await slot.mutex(() => run(slot, call, event))
    return start
  }

  return {
    assigned(partition, groupOffset) {
      const slot = slotOf(partition)
      slot.assignment++
      return startOn(slot, 'assigned', { groupOffset })
    },
    batch: (batch, control) => handed(slotOf(batch.partition), 'batch', { ...control, batch }),
    passed: (gap, control) => handed(slotOf(gap.partition), 'gap', { ...control, gap }),
    async revoked(partition) {
      const slot = slots.get(partition)
      if (!slot) return
      slot.assignment++
      await slot.mutex(() => run(slot, callOf(slot, {}), 'revoked'))
    },
    rewind(partition, to) {
      const slot = slotOf(partition)
      return slot.mutex(async () => {
        if (!wentBack(slot.claim?.checkpoint ?? null, to)) return false
        await run(slot, callOf(slot, { wentTo: to }), 'wentBack')
        return true
      })
    },
    claimAgain(partition) {
      const slot = slotOf(partition)
      // a batch that waits claims by itself, and ends when we stop
      return startOn(slot, 'claimMissing', { isActive: () => slot.handed === 0 })
    },
    idle: () => [...slots.values()].every((s) => s.handed === 0),
    retrying: () => [...slots.values()].find((s) => s.failure !== null)?.failure ?? null,
    known: () =>
      new Map([...slots].flatMap(([partition, { claim }]) => (claim ? [[partition, claim.checkpoint]] : []))),
  }
}

/** What of a batch lies at the offset or above it. */
function recordsFrom(offset: number, { records }: LogBatch): LogRecord[] {
  return records[0] && records[0].offset >= offset ? records : records.filter((r) => r.offset >= offset)
}

/** Where the chunk that begins at index `i` ends: before what waits. */
function endOfChunk(records: readonly LogRecord[], i: number, { chunkSize, waitsAt }: Slot): number {
  const end = Math.min(i + chunkSize, records.length)
  if (waitsAt === null || (records[i] as LogRecord).offset >= waitsAt) return end
  const waiting = records.findIndex((r, at) => at > i && r.offset >= waitsAt)
  return waiting === -1 ? end : Math.min(end, waiting)
}
