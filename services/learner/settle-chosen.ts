/** Letters that are settled without being applied, or open again, as it is asked for: chosen by place or in bulk, and what is said of it. */
import { StrandlineError } from '../../core/errors.ts'
import { REJECT_REASONS } from '../../domain/validation.ts'
import { type Choice, chooseLetters } from './choose-letters.ts'
import type { DeadLetter, DeadLetterState } from './dead-letter-list.ts'
import type { DeadLetterStore, Place } from './dead-letter-store.ts'
import { discardLetters, reopenLetters } from './discard.ts'
import { placeText } from './place.ts'
import type { LeftLetter } from './redrive.ts'

export interface Settled {
  settled: Place[]
  skipped: LeftLetter[]
}

export interface DiscardChoice extends Choice {
  /** Only says which. */
  dryRun?: boolean
  by: string
  why: string
}

/** What a discard is for, without the space around it. Errors: USAGE where it says nothing, or is what letters are refused for. */
export function requireWhy(text: string, option: string, filter: string): string {
  const why = text.trim()
  if (why === '' || (REJECT_REASONS as string[]).includes(why))
    throw new StrandlineError('USAGE', `${option} says why the letters are discarded.`, {
      todo: `Write a few words. To choose letters by what they were refused for: ${filter}.`,
    })
  return why
}

/** Errors: STORE_UNREACHABLE, STORE_REJECTED. */
export const discardChosen = (
  store: DeadLetterStore,
  topic: string,
  { dryRun, by, why, ...choice }: DiscardChoice,
): Promise<Settled> =>
  settle(store, topic, choice, 'open', async (letters) =>
    dryRun ? letters : discardLetters(store, topic, letters, by, why),
  )

/** Errors: as discardChosen. */
export const reopenChosen = (store: DeadLetterStore, topic: string, named: readonly Place[]): Promise<Settled> =>
  settle(store, topic, { named, bulk: undefined }, 'discarded', (letters) => reopenLetters(store, topic, letters))

/** @param from the state in which letters can be settled */
async function settle(
  store: DeadLetterStore,
  topic: string,
  choice: Choice,
  from: DeadLetterState,
  change: (letters: DeadLetter[]) => Promise<Place[]>,
): Promise<Settled> {
  const { letters, unknown } = await chooseLetters(store, topic, choice)
  const taken = letters.filter((l) => l.state === from).slice(0, choice.max)
  const settled = (await change(taken)).map(({ partition, offset }) => ({ partition, offset }))
  const done = new Set(settled.map(placeText))
  const candidates = choice.named.length > 0 ? letters : taken
  const left: LeftLetter[] = candidates
    .filter((l) => !done.has(placeText(l)))
    .map((l) => ({ partition: l.partition, offset: l.offset, ...whyNot(l, from) }))
  return { settled, skipped: [...unknown, ...left] }
}

function whyNot(letter: DeadLetter, from: DeadLetterState): Pick<LeftLetter, 'code' | 'why'> {
  const { state, redriven_to } = letter
  if (state === from) return { code: 'unknown', why: 'somebody else has dealt with it' }
  if (state === 'redriven')
    return { code: state, why: `it was redriven${redriven_to ? `, to ${placeText(redriven_to)}` : ''}` }
  if (state === 'applied') return { code: state, why: 'it was applied since, by a replay' }
  return state === 'discarded' ? { code: state, why: 'it is discarded already' } : { code: 'open', why: 'it is open' }
}
