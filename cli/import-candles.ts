/** A backtest without its candles: nothing of it can be scored, and so nothing learned. That is asked before it is imported. */
import { resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { StrandlineError } from '../core/errors.ts'
import { NO_BARS } from '../domain/closing/closing.ts'
import type { PositionClosed } from '../domain/event.ts'
import { candleFile, READABLE_TEXT } from '../services/pm/sources/candles.ts'
import { say } from './output.ts'

interface Options {
  candles: string
  unscored?: boolean
  dryRun?: boolean
}

const NAMED = 10

/** Resolves when the trades may be imported. Errors: USAGE where no trade could be scored, or some could not and nobody said that they may. */
export async function requireCandles(events: PositionClosed[], { candles, unscored, dryRun }: Options): Promise<void> {
  const without = events.filter((e) => e.rr === null && e.unscored_reason === NO_BARS)
  if (unscored || without.length === 0) return
  const none = events.every((e) => e.rr === null)
  const sentence = `${none ? 'No trade' : `${without.length} of ${events.length} trades`} could ${none ? '' : 'not '}be scored for want of candles: ${missingText(without)}, looked for in ${resolve(candles)}.`
  if (none || !dryRun) {
    if (!none && process.stdin.isTTY && process.stderr.isTTY) {
      say(sentence)
      if (await agreed()) return
      throw new StrandlineError('USAGE', 'Nothing was imported.', { todo: 'Put the candles into that folder.' })
    }
    throw new StrandlineError('USAGE', sentence, {
      todo: 'Name the folder of the candles with --candles, or import the trades without R/R: --unscored. Nothing was imported.',
    })
  }
  say(sentence)
}

async function agreed(): Promise<boolean> {
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await asking.question('Import these without R/R all the same? [y/N] ')
  asking.close()
  return /^y(es)?$/i.test(answer.trim())
}

/** Each file that was looked for, and how many trades want it. */
function missingText(events: PositionClosed[]): string {
  const files = new Map<string, number>()
  for (const { symbol, timeframe } of events) {
    const file = candleFile(symbol, timeframe)
    files.set(file, (files.get(file) ?? 0) + 1)
  }
  const named = [...files]
    .slice(0, NAMED)
    .map(([file, trades]) => `${file} (${trades} trade${trades === 1 ? '' : 's'})`)
  if (files.size > NAMED) named.push(`${files.size - NAMED} more`)
  return `${named.join(', ')} as ${READABLE_TEXT}`
}
