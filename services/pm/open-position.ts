/** A new position, before its first entry. Others may insert rows into lowcap_positions instead. */

import { StrandlineError } from '../../core/errors.ts'
import { shippedModels } from '../../core/load-model.ts'
import { checkContext, checkEntryContext } from '../../domain/context.ts'
import { isObject } from '../../domain/is-object.ts'
import { byteLength, MAX_ID_BYTES, wellFormed } from '../../domain/limits.ts'
import { shown } from '../../domain/shown.ts'
import { TIMEFRAMES } from '../../domain/timeframe.ts'
import type { Portfolio } from './portfolio.ts'
import type { PositionRow } from './position-row.ts'

const TEXTS = ['id', 'token_chain', 'token_contract', 'token_ticker'] as const

export interface OpenedPosition {
  /** 'exists': a position with this id was there; it is returned as it is. */
  status: 'opened' | 'exists'
  position: PositionRow
}

/**
 * @param body {id?, token_chain, token_contract, token_ticker, timeframe, side?: long|short, entry_context?, regime_context?}
 * Errors: POSITION_INVALID.
 */
export async function openPosition(
  { positions }: Pick<Portfolio, 'positions'>,
  body: unknown,
): Promise<OpenedPosition> {
  const invalid = (message: string, todo: string) => new StrandlineError('POSITION_INVALID', message, { todo })
  if (!isObject(body))
    throw invalid('The position is not a JSON object.', 'Send {"token_contract", "token_chain", "timeframe", …}.')
  const { timeframe, side = 'long', entry_context = {}, regime_context = {} } = body
  for (const name of TEXTS) {
    const value = body[name] ?? ''
    if (typeof value !== 'string' || !wellFormed(value))
      throw invalid(`The position's ${name} is no text.`, 'Correct it.')
    if (byteLength(value) > MAX_ID_BYTES)
      throw invalid(
        `The position's ${name} has ${byteLength(value)} bytes, ${MAX_ID_BYTES} are allowed.`,
        'Give a shorter one.',
      )
  }
  if (!TIMEFRAMES.includes(timeframe as never))
    throw invalid(`The position's timeframe is ${shown(timeframe)}.`, `Use one of: ${TIMEFRAMES.join(', ')}.`)
  if (side !== 'long' && side !== 'short') throw invalid(`The position's side is ${shown(side)}.`, 'Use long or short.')
  for (const [name, value] of Object.entries({ entry_context, regime_context })) {
    const wrong = (name === 'entry_context' ? checkEntryContext : checkContext)(value, shippedModels())
    if (wrong) throw invalid(`The position's ${name} ${wrong}.`, 'Send one flat object of texts and numbers.')
  }
  const texts = Object.fromEntries(TEXTS.map((name) => [name, body[name] ?? '']))
  const position = { ...texts, id: body.id || undefined, timeframe, side, entry_context, regime_context }
  const answer = await positions.open(position)
  if (answer.status === 'invalid')
    throw invalid(`The position cannot be stored: ${answer.reason}.`, 'Correct it, or lowcap_positions.')
  return answer
}
