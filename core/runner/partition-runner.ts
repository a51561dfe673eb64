/**
 * One partition of the log into one transaction of the database, chunk by chunk, exactly once. The learner and the projector both run on this.
 *
 * A partition goes through these states here:
 *
 *   unclaimed ──assigned()──► claimed ──batch()──► claimed …          each chunk: apply (one transaction) → commit the offset to the group
 *       ▲                        │
 *       └──── revoked() / fenced ┘
 *
 * - *Claim first*: a claim raises the partition's epoch, so that whoever held it before can commit nothing any more; only then are the
 *   checkpoint and the state read, the log compared with what was applied of it last (last-record.ts), and only then is anything applied. What the log
 *   delivers is immutable, so it may have been fetched before.
 * - *Skip below, apply at or above, never equality*: offsets are sparse. `cursor` is the next offset to look at. A batch that starts above it may mean
 *   that the group's offset ran ahead of the database, so we seek back; only what the log then says it passed over (aborted transactions) is a gap.
 * - *Replay*: the group's offset lies below the database's checkpoint (someone reset it, or we died between the two commits). What is in the ledger is a
 *   no-op, what is not is applied; the database's checkpoint does not move back.
 * - *An unknown outcome is not a failure*: every commit carries an id; when its answer is lost, we ask the checkpoint for the newest id.
 * - *waits*: a record cannot be read yet (its schema may still turn up). What lies before it is applied without it: new ones of its kind, which come with
 *   every fetch, would otherwise hold back the trades between them for as long as they come.
 * - *The checkpoint went back* (a crash took the newest commits along, an older state was restored): the partition is claimed anew, and read from there.
 * - *stale*: someone else changed the state of our partition (a correction that arrived through another partition). Read again and go on.
 * - A database that refuses a chunk, or does not answer in time, gets it in smaller pieces; one that refuses a single record stops the partition, loudly.
 *   After a few attempts the batch is handed back to the log, so that other partitions get their turn.
 */
import { systemIds } from '../ids.ts'
import type { BatchControl, LogBatch, LogGap, LogRecord, PartitionHandler, PartitionOffsets } from '../log/log.ts'
import { checkBounds, startOf, wentBack } from './checkpoints.ts'
import type { Applied, Chunk, Claim, Waits } from './chunk-processor.ts'
import { createGapPasser } from './gaps.ts'
import { checkBeginning, checkIdentity, type LogCheckpoint, recordOf } from './last-record.ts'
import { backoff, createRetry, isTransient, shouldLog } from './retry.ts'
import type { RunnerOptions } from './runner-options.ts'
import { createSlots, type Slot } from './slots.ts'

export type { Applied, Chunk, ChunkProcessor, Claim, Waits } from './chunk-processor.ts'
export type { RunnerEvents, RunnerOptions } from './runner-options.ts'

/** Attempts at one chunk until its batch is handed back to the log; about two seconds. */
const ATTEMPTS = 6
/** From so many times in a row on, being overtaken is told. */
const OVERTAKEN = 10

/** What an attempt at a chunk came to: all of it is done, try again (at once or later), or leave the batch. */
type Attempt = 'done' | 'again' | 'later' | 'leave'

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

export function createPartitionRunner(options: RunnerOptions): PartitionRunner {
  const {
    consumer,
    topic,
    holder,
    checkpoints,
    log,
    clock,
    ids = systemIds,
    logger,
    processor,
    maxChunk = 20_000,
    events = {},
  } = options
  const { acceptTruncated = false, admit = async () => {} } = options
  const at = (partition: number) => ({ consumer, topic, partition })
  const untilAnswered = createRetry(clock, logger)
  const { slots, slotOf } = createSlots(maxChunk)
  const passGap = createGapPasser({ consumer, topic, checkpoints, processor, clock, ids, events })
  let working = 0

  /** Claims the partition and finds where to start; false when it is not ours any more. */
  async function take(
    slot: Slot,
    partition: number,
    committed: number | null | 'earliest',
    active: () => boolean,
    heartbeat?: () => Promise<void>,
  ): Promise<boolean> {
    slot.claim = null
    slot.soughtOffset = null
    const where = `${topic}/${partition}`
    const ask = <T>(what: string, question: () => Promise<T>) =>
      untilAnswered(what, () => noted(slot, question), active, heartbeat)
    const claimed = await ask(`claim ${where}`, () => checkpoints.claim(at(partition), holder))
    if (!claimed || !active()) return false
    const topicId = await log.topicId(topic)
    const range = await ask(`read ${where}`, async () => {
      await admit()
      return compared(where, partition, claimed, topicId)
    })
    if (range === undefined || !active()) return false
    const { epoch, version, checkpoint } = claimed
    const claim: Claim = { topic, partition, epoch, version, checkpoint, topicId }
    slot.claim = claim
    slot.failure = null
    slot.overtaken = 0
    slot.cursor = startOf(checkpoint, committed, range?.start ?? 0)
    if (claim.checkpoint !== null && slot.cursor < claim.checkpoint)
      logger.info(
        { partition, from: slot.cursor, checkpoint: claim.checkpoint },
        `${where}: the group's offset lies below the database's checkpoint; reading again from ${slot.cursor}`,
      )
    return true
  }

  /** What the log has of a partition, once it is seen to be the log that the checkpoint was made on. Errors: LOG_CHECKPOINT_LOST, LOG_TRUNCATED. */
  async function compared(
    where: string,
    partition: number,
    known: LogCheckpoint,
    topicId: string | null,
  ): Promise<PartitionOffsets | null> {
    const range = (await log.offsets(topic)).find((o) => o.partition === partition)
    if (!range) return null
    const { checkpoint, last_record } = known
    if (checkpoint !== null) {
      checkBounds(where, consumer, checkpoint, range)
      const found = await recordOf(log, topic, partition, last_record, range)
      checkIdentity(where, consumer, known, topicId, found)
    } else if (!acceptTruncated) checkBeginning(where, consumer, range)
    else if (range.start > 0)
      logger.warn(
        { partition, start: range.start },
        `${where} begins at offset ${range.start}; what was before it is not known to ${consumer}, which is accepted (STRANDLINE_ACCEPT_TRUNCATED_LOG)`,
      )
    return range
  }

  /** While the answer is missing, `retrying` says why. */
  async function noted<T>(slot: Slot, question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (error) {
      slot.failure = (error as Error).message
      throw error
    }
  }

  async function assigned(partition: number, committed: number | null | 'earliest'): Promise<number | null> {
    const slot = slotOf(partition)
    const assignment = ++slot.assignment
    slot.assigned = true
    return slot.mutex(async () =>
      (await take(slot, partition, committed, () => slot.assignment === assignment)) ? slot.cursor : null,
    )
  }

  async function batch(b: LogBatch, control: BatchControl): Promise<void> {
    const slot = slotOf(b.partition)
    working++
    try {
      await slot.mutex(() => work(slot, b, control))
    } finally {
      working--
    }
  }

  async function passed(gap: LogGap, control: Omit<BatchControl, 'heartbeat'>): Promise<void> {
    const slot = slotOf(gap.partition)
    working++
    try {
      await slot.mutex(() => passGap(slot, gap, control))
    } finally {
      working--
    }
  }

  function seek(slot: Slot, control: BatchControl): void {
    slot.soughtOffset = slot.cursor
    control.seek(slot.cursor)
  }

  async function work(slot: Slot, b: LogBatch, control: BatchControl): Promise<void> {
    if (!control.isActive()) return
    if (!slot.claim) return reclaim(slot, b.partition, control)
    if ((b.fetchedOffset > slot.cursor || b.highWatermark < slot.cursor) && !(await follows(slot, b, control))) return
    slot.soughtOffset = null
    const { cursor } = slot
    const records =
      b.records[0] && b.records[0].offset >= cursor ? b.records : b.records.filter((r) => r.offset >= cursor)
    // all of it is known; what lies behind it nobody may read, but the checkpoint moves past it
    if (records.length === 0)
      return passGap(slot, { partition: b.partition, from: cursor, next: b.nextOffset }, control)
    for (let i = 0, attempt = 0; i < records.length; ) {
      if (!control.isActive()) return
      const end = endOfChunk(records, i, slot)
      const next = end === records.length ? b.nextOffset : (records[end] as LogRecord).offset
      const more = end < records.length && records[end]?.offset !== slot.waitsAt
      const outcome = await tryChunk(slot, b, records.slice(i, end), next, more, control)
      if (outcome === 'leave') return
      if (outcome === 'done') {
        i = end
        attempt = 0
        slot.failures = 0
        slot.overtaken = 0
        slot.failure = null
      } else {
        if (outcome === 'later' || attempt > 0) await clock.sleep(backoff(slot.failures++))
        if (++attempt === ATTEMPTS) return seek(slot, control)
      }
      await control.heartbeat()
    }
    slot.cursor = Math.max(slot.cursor, b.nextOffset)
  }

  /** The batch does not start where we stand. True when nothing lies between; otherwise the log is sent back to where we stand. */
  async function follows(slot: Slot, b: LogBatch, control: BatchControl): Promise<boolean> {
    const where = `${topic}/${b.partition}`
    const all = await untilAnswered(
      `read the offsets of ${topic}`,
      () => log.offsets(topic),
      control.isActive,
      control.heartbeat,
    )
    if (!all) return false
    const range = all.find((o) => o.partition === b.partition)
    if (range) {
      checkBounds(where, consumer, slot.claim?.checkpoint ?? slot.cursor, range)
      slot.cursor = Math.max(slot.cursor, range.start) // of a replay, the log need not have everything any more
    }
    if (b.fetchedOffset <= slot.cursor || (b.afterGap && slot.soughtOffset === slot.cursor)) return true
    logger.info(
      { partition: b.partition, fetched: b.fetchedOffset, cursor: slot.cursor },
      `${where}: the log ran ahead of the database; reading again from ${slot.cursor}`,
    )
    seek(slot, control)
    return false
  }

  async function tryChunk(
    slot: Slot,
    b: LogBatch,
    records: LogRecord[],
    next: number,
    more: boolean,
    control: BatchControl,
  ): Promise<Attempt> {
    const mine = slot.claim as Claim
    const first = (records[0] as LogRecord).offset
    const chunk: Chunk = {
      records,
      next,
      more,
      commitId: ids.uuid(),
      replay: mine.checkpoint !== null && first < mine.checkpoint,
    }
    const started = clock.monotonic()
    let applied: Applied
    try {
      applied = await processor.apply(mine, chunk)
    } catch (error) {
      if (!isTransient(error)) throw error
      processor.forget(mine)
      slot.failure = error.message
      if (shouldLog(slot.failures))
        logger.warn(
          { code: error.code, partition: b.partition, attempt: slot.failures, records: records.length },
          error.message,
        )
      if (error.code.startsWith('STORE_') && records.length > 1) slot.chunkSize = Math.ceil(records.length / 2)
      return afterFailure(slot, mine, chunk, b, control)
    }
    if (applied.status === 'waits') {
      waits(slot, b.partition, applied)
      return applied.offset > first ? 'again' : 'later'
    }
    if (applied.status === 'fenced') return fenced(slot, mine, b, control)
    if (applied.status === 'stale') {
      processor.forget(mine)
      overtaken(slot, b.partition, first)
      return (await refresh(slot, mine, b, control)) === 'leave' ? 'leave' : 'again'
    }
    if (applied.committed !== false) {
      mine.version++
      mine.checkpoint = Math.max(mine.checkpoint ?? 0, next)
    }
    slot.cursor = next
    slot.chunkSize = Math.min(maxChunk, slot.chunkSize * 2)
    events.committed?.({
      partition: b.partition,
      records,
      next,
      highWatermark: b.highWatermark,
      ms: clock.monotonic() - started,
    })
    await control.commitOffset(next)
    return 'done'
  }

  function waits(slot: Slot, partition: number, { offset, error }: Waits): void {
    if (slot.waitsAt !== offset || shouldLog(slot.failures))
      logger.warn({ code: error.code, partition, offset, attempt: slot.failures }, error.message)
    slot.waitsAt = offset
    slot.failure = error.message
  }

  /** Now and then that is how it goes. Again and again, it is a fault that a person must see. */
  function overtaken(slot: Slot, partition: number, offset: number): void {
    if (++slot.overtaken < OVERTAKEN) return
    slot.failure = `${topic}/${partition}: the state that the records from offset ${offset} on change was changed by others ${slot.overtaken} times in a row before it could be committed.`
    if (slot.overtaken === OVERTAKEN || shouldLog(slot.overtaken))
      logger.warn({ partition, offset, attempt: slot.overtaken }, slot.failure)
  }

  /** The answer of a commit is missing: has it happened? */
  async function afterFailure(
    slot: Slot,
    mine: Claim,
    chunk: Chunk,
    b: LogBatch,
    control: BatchControl,
  ): Promise<Attempt> {
    const last = await refresh(slot, mine, b, control)
    if (last === 'leave') return 'leave'
    const happened = last === chunk.commitId
    events.unknownOutcome?.(b.partition, happened)
    if (!happened) return 'later'
    slot.cursor = chunk.next
    await control.commitOffset(chunk.next)
    return 'done'
  }

  /** Reads version and checkpoint of our claim again; the id of the newest commit, or 'leave' when the partition is not ours. */
  async function refresh(
    slot: Slot,
    mine: Claim,
    b: LogBatch,
    control: BatchControl,
  ): Promise<string | null | 'leave'> {
    const now = await untilAnswered(
      `read the checkpoint of ${topic}/${b.partition}`,
      () => checkpoints.read(at(b.partition)),
      control.isActive,
      control.heartbeat,
    )
    if (now === undefined) return 'leave'
    if (now === null || now.epoch !== mine.epoch) return fenced(slot, mine, b, control)
    if (wentBack(mine.checkpoint, now.checkpoint)) return rewound(slot, mine, now.checkpoint, control)
    mine.version = now.version
    mine.checkpoint = now.checkpoint
    return now.last_commit
  }

  /** A crash took the newest commits along, or an older state was restored under us: what we remember is of a state that is no more. */
  async function rewound(slot: Slot, mine: Claim, to: number | null, control: BatchControl): Promise<'leave'> {
    noteRewound(mine, to)
    await reclaim(slot, mine.partition, control)
    return 'leave'
  }

  function noteRewound({ partition, checkpoint: from }: Claim, to: number | null): void {
    logger.warn(
      { partition, from, to },
      `${topic}/${partition}: the database's checkpoint went back from ${from} to ${to ?? 'nothing'}; reading again from there`,
    )
  }

  async function fenced(slot: Slot, mine: Claim, b: LogBatch, control: BatchControl): Promise<'leave'> {
    events.fenced?.(b.partition)
    logger.warn(
      { partition: b.partition, epoch: mine.epoch },
      `${topic}/${b.partition} was claimed by another ${consumer}; abandoning what is not committed`,
    )
    await reclaim(slot, b.partition, control)
    return 'leave'
  }

  /** Fenced, but perhaps still the rightful holder (the other claim came from a zombie). The heartbeat tells: it throws for a zombie. */
  async function reclaim(slot: Slot, partition: number, control: BatchControl): Promise<void> {
    slot.claim = null
    await clock.sleep(backoff(2 + slot.failures++))
    await control.heartbeat()
    if (!control.isActive()) return
    if (await take(slot, partition, slot.cursor, control.isActive, control.heartbeat)) seek(slot, control)
  }

  async function revoked(partition: number): Promise<void> {
    const slot = slots.get(partition)
    if (!slot) return
    slot.assignment++
    slot.assigned = false
    await slot.mutex(async () => {
      slot.claim = null
      slot.failure = null
    })
  }

  const retrying = () => [...slots.values()].find((s) => s.failure !== null)?.failure ?? null

  const known = () =>
    new Map([...slots].flatMap(([partition, { claim }]) => (claim ? [[partition, claim.checkpoint]] : [])))

  async function rewind(partition: number, to: number | null): Promise<boolean> {
    const slot = slotOf(partition)
    return slot.mutex(async () => {
      if (!slot.claim || !wentBack(slot.claim.checkpoint, to)) return false
      noteRewound(slot.claim, to)
      slot.claim = null
      return true
    })
  }

  async function claimAgain(partition: number): Promise<number | null> {
    const slot = slotOf(partition)
    const { assignment } = slot
    const mine = () => slot.assigned && slot.assignment === assignment
    return slot.mutex(async () => {
      if (slot.claim && (await checkpoints.read(at(partition)))?.epoch === slot.claim.epoch) return null
      if (!mine()) return null
      logger.warn(
        { partition },
        `${topic}/${partition} is ours, but not claimed by us in the database; claiming it again`,
      )
      try {
        return (await take(slot, partition, slot.cursor, mine)) ? slot.cursor : null
      } catch (error) {
        slot.failure = (error as Error).message // for whoever asks why we are not ready
        throw error
      }
    })
  }

  return { assigned, batch, passed, revoked, idle: () => working === 0, retrying, known, rewind, claimAgain }
}

/** Where the chunk that begins at index `i` ends: before what waits. */
function endOfChunk(records: readonly LogRecord[], i: number, { chunkSize, waitsAt }: Slot): number {
  const end = Math.min(i + chunkSize, records.length)
  if (waitsAt === null || (records[i] as LogRecord).offset >= waitsAt) return end
  const waiting = records.findIndex((r, at) => at > i && r.offset >= waitsAt)
  return waiting === -1 ? end : Math.min(end, waiting)
}
