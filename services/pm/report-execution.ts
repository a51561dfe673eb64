/** An execution that the trader reports: recorded once, and the position closes when nothing is left of it. */
import { findStrandlineError, StrandlineError } from '../../core/errors.ts'
import { shippedModels } from '../../core/load-model.ts'
import { isBrokenOff } from '../../core/store/store.ts'
import { type Execution, isFullExit, parseExecution } from '../../domain/closing/execution.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { eventId } from '../../domain/event.ts'
import { MAX_CLOCK_SKEW_MS } from '../../domain/validation.ts'
import { type Closed, closePosition, closeTrade, scoreAndClose } from './close-position.ts'
import { claimOf, type Portfolio } from './portfolio.ts'
import type { ExitAnswer, RecordAnswer, RecordedExecution } from './position-store.ts'

export interface ExecutionResult {
  /** 'duplicate': this id was reported before; nothing was recorded again. */
  status: 'recorded' | 'duplicate'
  execution_id: string
  position_id: string
  trade_id: string
  /** Held after this execution, in tokens. */
  left: number
  /** The event, when this execution closed the position (now, or when it was first reported). */
  closed: PositionClosed | null
  /** What the closed trade does not carry or count for, because it is too long; absent when it is whole. */
  left_out?: string[]
}

/**
 * Records one execution and closes the position when it was a full exit with nothing left.
 * @param body {id, kind: entry|buy|add|trim|emergency_exit, quantity (tokens), price, size_frac, executed_at, entry_context, regime_context}
 * Errors: EXECUTION_INVALID, EXECUTION_CONFLICT (nothing was recorded), POSITION_UNKNOWN, POSITION_INVALID (recorded, not closed),
 * STORE_UNREACHABLE (report it again: the same id is recorded once).
 */
export async function reportExecution(pm: Portfolio, positionId: string, body: unknown): Promise<ExecutionResult> {
  try {
    const execution = parseExecution(positionId, body, shippedModels())
    const result = await report(pm, execution)
    pm.metrics?.executions.inc({ outcome: result.status })
    return result
  } catch (error) {
    pm.metrics?.executions.inc({ outcome: 'refused' })
    throw error
  }
}

async function report(pm: Portfolio, execution: Execution): Promise<ExecutionResult> {
  const { id, position_id, kind } = execution
  const { answer, closed: atOnce } = (await recordAndClose(pm, execution)) ?? { answer: await record(pm, execution) }
  const { status, trade_id, size_frac, left } = answer
  const full = left === 0 && isFullExit(kind, size_frac)
  const closed = atOnce ? atOnce.event : full ? await close(pm, position_id, answer) : null
  return {
    status,
    execution_id: id,
    position_id,
    trade_id,
    left,
    closed,
    ...(closed?.left_out ? { left_out: closed.left_out } : {}),
  }
}

type Recorded = Extract<RecordAnswer, { trade_id: string }>

/**
 * An exit that leaves nothing is scored before it is recorded, so that execution, close and outbox row are one transaction. Null: it is no such exit, or this did not
 * come to a recorded one: it is reported step by step, which says why. What was recorded without its close is closed by that as well.
 */
async function recordAndClose(
  pm: Portfolio,
  execution: Execution,
): Promise<{ answer: Recorded; closed: Closed | null } | null> {
  const { side, kind, size_frac } = execution
  if (side !== 'exit' || !isFullExit(kind, size_frac ?? 1)) return null
  const recorded = recordedOf(execution)
  const trade = await pm.positions.tradeAfter(recorded)
  if (!trade) return null
  let answer: ExitAnswer | undefined
  try {
    const closed = await scoreAndClose(pm, trade, 'report', async (scored) => {
      answer = await pm.positions.exit(recorded, scored, claimOf(pm))
      return answer?.close ?? null
    })
    return answer && isRecorded(answer) ? { answer, closed } : null
  } catch (error) {
    const code = findStrandlineError(error)?.code
    if (code === 'POSITION_INVALID' || code === 'STORE_REJECTED' || isBrokenOff(error)) return null // the exit happened all the same: it is recorded, and closed once that is possible
    throw error
  }
}

const isRecorded = (answer: RecordAnswer): answer is Recorded =>
  answer.status === 'recorded' || answer.status === 'duplicate'

/** Closed here: where the trade is not what it was, or was not read, as it is now. A repeated report of a position that is closed has its event. */
async function close(pm: Portfolio, positionId: string, answer: Recorded): Promise<PositionClosed | null> {
  const { status, trade, trade_id } = answer
  const closed = trade && (await closeTrade(pm, trade, 'report'))
  if (closed) return closed.event
  const again = trade || status === 'recorded' ? await closePosition(pm, positionId) : null
  if (again) return again.event
  return pm.positions.event(eventId(positionId, trade_id))
}

const recordedOf = (execution: Execution): RecordedExecution => ({
  ...execution,
  trade_id: eventId(execution.position_id, `execution ${execution.id}`),
  max_skew_ms: MAX_CLOCK_SKEW_MS,
})

async function record(pm: Portfolio, execution: Execution): Promise<Recorded> {
  const { id, position_id } = execution
  const recorded = recordedOf(execution)
  for (;;) {
    const answer = await pm.positions.record(recorded)
    switch (answer.status) {
      case 'recorded':
      case 'duplicate':
        return answer
      case 'close_first': // an earlier trade is over but not closed: it must not swallow this entry
        if (!(await closeTrade(pm, answer.trade, 'tick'))) await closePosition(pm, position_id)
        continue
      case 'unknown_position':
        throw new StrandlineError('POSITION_UNKNOWN', `There is no position ${position_id}.`, {
          todo: 'Open it first: POST /v1/positions, or insert it into lowcap_positions.',
        })
      case 'conflict':
        throw new StrandlineError(
          'EXECUTION_CONFLICT',
          `Execution ${id} was reported before, with other content or for another position.`,
          {
            todo: 'Nothing was recorded; give every execution an id of its own.',
          },
        )
      case 'nothing_held':
        throw new StrandlineError(
          'EXECUTION_CONFLICT',
          `Position ${position_id} holds nothing that execution ${id} could sell.`,
          {
            todo: 'Nothing was recorded; report the entry first.',
          },
        )
      case 'more_than_held':
        throw new StrandlineError(
          'EXECUTION_CONFLICT',
          `Execution ${id} sells more than the ${answer.held} that position ${position_id} holds.`,
          {
            todo: 'Nothing was recorded; report the quantity that was really sold.',
          },
        )
      case 'before_entry':
        throw new StrandlineError(
          'EXECUTION_CONFLICT',
          `Execution ${id} exits position ${position_id} before its entry (${answer.entry}).`,
          {
            todo: 'Nothing was recorded; correct executed_at.',
          },
        )
      case 'in_future':
        throw new StrandlineError(
          'EXECUTION_INVALID',
          `Execution ${id}: executed_at ${iso(answer.executed_at)} lies in the future; by the database's clock it is ${iso(answer.now)}.`,
          { todo: 'Check the clock of whoever reports it, then that of the database; nothing was recorded.' },
        )
      case 'invalid':
        throw new StrandlineError(
          'EXECUTION_INVALID',
          `Execution ${id} cannot be added to position ${position_id}: ${answer.reason}.`,
          { todo: 'Nothing was recorded.' },
        )
    }
  }
}

const iso = (time: string) => new Date(time).toISOString()
