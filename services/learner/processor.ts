/**
 * Records of one partition into one commit: decode → check → trade → fold → `strandline_learner_commit`.
 *
 * The ledger is not asked beforehand in the ordinary case: the commit itself finds out that an event is known (status `seen`), and the chunk is
 * folded again with what the ledger says. Where that is likely (a replay, or duplicates a moment ago) the ledger is asked first.
 */
import type { Logger } from 'pino'
import { systemClock } from '../../core/clock.ts'
import type { Decode } from '../../core/codec/decoder.ts'
import { checkFlatEvent, type FlatEvent } from '../../core/codec/flat-event.ts'
import type { LogRecord } from '../../core/log/log.ts'
import { seenOf } from '../../core/runner/last-record.ts'
import type { Applied, Chunk, ChunkProcessor, Claim, Waits } from '../../core/runner/partition-runner.ts'
import { type Refused, readEvents } from '../../core/runner/read-events.ts'
import { type FoldResult, foldTrades } from '../../domain/learning/fold.ts'
import type { Model } from '../../domain/learning/model.ts'
import { decayOf } from '../../domain/learning/sums.ts'
import { TradeTable } from '../../domain/learning/trade-table.ts'
import { createBaselineTurns } from './baseline-turns.ts'
import { type ChunkState, type ClaimState, createChunkState, newClaimState } from './chunk-state.ts'
import type { LearnerCommit } from './commit.ts'
import type { DeadLetters } from './dead-letter.ts'
import type { LearnerStore } from './learner-store.ts'

export interface LearnerEvents {
  applied?(result: FoldResult): void
  deadLetter?(reason: string): void
  notForModel?(count: number): void
  /** A lever or an interaction that a trade does not count for, because its value or key is too long. */
  leftOut?(name: string, trade: { event_id: string; offset: number }): void
}

export interface ProcessorOptions {
  model: Model
  store: LearnerStore
  decode: Decode<FlatEvent>
  deadLetters: DeadLetters
  logger: Logger
  events?: LearnerEvents
  now?: () => number
}

/** How many chunks the ledger is asked beforehand after one that met known trades. */
const EXPECT_SEEN_CHUNKS = 8

export function createLearnerProcessor({
  model,
  store,
  decode,
  deadLetters,
  logger,
  events = {},
  now = systemClock.monotonic,
}: ProcessorOptions): ChunkProcessor {
  const states = new WeakMap<Claim, ClaimState>()
  const baselines = createBaselineTurns(now)
  const tau = decayOf(model.definition.tau_days)

  function stateOf(claim: Claim): ClaimState {
    let state = states.get(claim)
    if (!state) {
      state = newClaimState()
      states.set(claim, state)
    }
    return state
  }

  async function read(
    partition: number,
    records: LogRecord[],
  ): Promise<{ trades: TradeTable; dead: Refused[] } | Waits> {
    const trades = new TradeTable(records.length)
    let passed = 0
    const dead = await readEvents(decode, records, checkFlatEvent, (event, { offset }) => {
      if (model.accepts(event.source)) trades.add(model, event, partition, offset)
      else passed++
    })
    if ('status' in dead) return dead
    if (passed > 0) events.notForModel?.(passed)
    return { trades, dead }
  }

  async function apply(claim: Claim, chunk: Chunk): Promise<Applied> {
    const found = await read(claim.partition, chunk.records)
    if ('status' in found) return found
    const { trades, dead } = found
    const [first] = chunk.records
    const settles = first && { from: first.offset, refused: dead.map((d) => d.record.offset) }
    const applied = await fold(claim, chunk, trades, dead, settles)
    // a replay without a commit that could note it
    if (settles && applied.status === 'ok' && applied.committed === false)
      await deadLetters.applied(claim, { ...settles, next: chunk.next })
    return applied
  }

  /** Folds until the ledger knows nothing that we do not. */
  async function fold(
    claim: Claim,
    chunk: Chunk,
    trades: TradeTable,
    dead: Refused[],
    settles: LearnerCommit['settles'],
  ): Promise<Applied> {
    const memory = stateOf(claim)
    const deadRows = dead.length > 0 ? await deadLetters.send(claim, dead) : []
    const end = trades.length
    const state = createChunkState(store, claim.partition, memory.cache, tau, trades)
    let ids = chunk.replay || memory.expectSeen > 0 ? idsOf(trades) : []
    for (;;) {
      await state.prepare(ids)
      const result = foldTrades(state, 0, end, tau)
      const { next } = chunk
      if (result.applied === 0 && deadRows.length === 0 && claim.checkpoint !== null && next <= claim.checkpoint) {
        // a replay of what the ledger has: nothing to write, and the checkpoint is beyond already
        state.commit()
        events.applied?.(result)
        return { status: 'ok', committed: false }
      }
      const answer = await store.commit({
        claim,
        commitId: chunk.commitId,
        next,
        fresh: state.fresh(),
        changed: state.changedTrades(),
        dirty: state.dirty(),
        foreign: state.foreign(),
        dead: deadRows,
        baseline: baselines.take(chunk.more),
        settles,
        seen: seenOf(claim, chunk),
      })
      if (answer.status !== 'ok') baselines.giveBack()
      if (answer.status === 'seen') {
        memory.expectSeen = EXPECT_SEEN_CHUNKS
        logger.debug(
          { partition: claim.partition, seen: answer.ids.length },
          'the ledger knows some of these trades; folding the chunk again',
        )
        state.rollback()
        ids = answer.ids
        continue
      }
      if (answer.status !== 'ok') {
        state.rollback()
        return { status: answer.status }
      }
      state.commit()
      memory.expectSeen =
        result.duplicates + result.corrections > 0 ? EXPECT_SEEN_CHUNKS : Math.max(0, memory.expectSeen - 1)
      for (const d of deadRows) events.deadLetter?.(d.reason)
      events.applied?.(result)
      for (const [trade, names] of trades.leftOut())
        for (const name of names) events.leftOut?.(name, { event_id: trades.id(trade), offset: trades.offset(trade) })
      return { status: 'ok' }
    }
  }

  return { apply, forget: (claim) => void states.delete(claim) }
}

const idsOf = (trades: TradeTable): string[] => Array.from({ length: trades.length }, (_, trade) => trades.id(trade))

export type { ChunkState }
