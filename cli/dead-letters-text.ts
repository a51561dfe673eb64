/** Dead letters for a person. */
import type { DeadLetter } from '../services/learner/dead-letter-list.ts'
import type { Place } from '../services/learner/dead-letter-store.ts'
import { placeText } from '../services/learner/place.ts'
import type { LeftLetter, Redriven, WouldPublish } from '../services/learner/redrive.ts'
import { adviceOn } from '../services/learner/reject-advice.ts'
import { escaped } from './escaped.ts'
import { table } from './table.ts'

/** To the second, UTC. */
export const utc = (iso: string): string => iso.slice(0, 19).replace('T', ' ')

const right = 'right' as const

/**
 * @param letters as many as are printed
 * @param counts how many there are of each reason, also of those that are not printed
 */
export function deadLettersText(letters: DeadLetter[], counts: [reason: string, n: number][], all: boolean): string {
  const total = counts.reduce((sum, [, n]) => sum + n, 0)
  if (total === 0) return all ? 'No dead letter is there.' : 'No dead letter is open.'
  const columns = ['record', 'since (UTC)', 'reason', 'state', 'in the dead-letter topic', 'detail']
  const lines = table(
    columns.map((title) => ({ title })),
    letters.map((l) => [
      placeText(l),
      utc(l.recorded_at),
      l.reason,
      stateText(l),
      l.dead_letter ? placeText(l.dead_letter) : '–',
      escaped(l.detail),
    ]),
  )
  if (total > letters.length) lines.push('', `These are the first ${letters.length} of ${total}; --json prints all.`)
  return [...lines, '', ...adviceLines(counts)].join('\n')
}

/** One line for each reason. */
function adviceLines(counts: [reason: string, n: number][]): string[] {
  const digits = Math.max(...counts.map(([, n]) => String(n).length))
  const width = Math.max(...counts.map(([reason]) => reason.length))
  return counts.map(([reason, n]) => `${String(n).padStart(digits)} ${reason.padEnd(width)}  ${adviceOn(reason).todo}`)
}

export function stateText({ state, redriven_to, redrives, redriving_from }: DeadLetter): string {
  if (redriven_to) return `redriven to ${placeText(redriven_to)}`
  const notes = [
    redrives > 0 ? `redriven ${redrives === 1 ? 'once' : `${redrives} times`} before` : '',
    state === 'open' && redriving_from !== null ? 'a redrive was interrupted' : '',
  ].filter(Boolean)
  return notes.length > 0 ? `${state} (${notes.join(', ')})` : state
}

/** What a redrive would do. */
export function previewText(topic: string, would: WouldPublish[], left: LeftLetter[], screen: number): string {
  const rows = would
    .slice(0, screen)
    .map(({ letter, from, partition }) => [
      placeText(letter),
      letter.reason,
      String(letter.redrives),
      from === 'topic' ? 'the topic' : 'its copy in the dead-letter topic',
      `${topic}, partition ${partition}${letter.redriving_from === null ? '' : ', unless an interrupted redrive did'}`,
    ])
  const columns = [
    { title: 'record' },
    { title: 'reason' },
    { title: 'redriven before', align: right },
    { title: 'read from' },
    { title: 'would be published to' },
  ]
  return [
    ...(would.length > 0 ? table(columns, rows) : []),
    ...more(would.length, screen),
    ...leftLines(left),
    `${records(would.length)} would be redriven${left.length > 0 ? `, ${left.length} left` : ''}. Nothing was published.`,
  ].join('\n')
}

export function redrivenText(redriven: Redriven[], left: LeftLetter[], screen: number): string {
  const done = redriven
    .slice(0, screen)
    .map((r) =>
      r.published
        ? `${placeText(r)} is published again, as ${placeText(r.to)}.`
        : `${placeText(r)} had been published again, as ${placeText(r.to)}, by a redrive that was interrupted. Now that is noted.`,
    )
  return [
    ...done,
    ...more(redriven.length, screen),
    ...leftLines(left),
    `${records(redriven.length)} redriven${left.length > 0 ? `, ${left.length} left` : ''}.`,
  ].join('\n')
}

/** @param word what was, or would be, done to them: `discarded` */
export function settledText(settled: Place[], left: LeftLetter[], word: string, screen: number): string {
  return [
    ...settled.slice(0, screen).map((p) => `${placeText(p)}: ${word}.`),
    ...more(settled.length, screen),
    ...leftLines(left),
    `${settled.length === 1 ? '1 letter' : `${settled.length} letters`} ${word}${left.length > 0 ? `, ${left.length} left as they were` : ''}.`,
  ].join('\n')
}

/** So many that are left for one and the same reason are named. */
const NAMED = 3

function leftLines(left: LeftLetter[]): string[] {
  return [...Map.groupBy(left, (l) => l.why)].flatMap(([why, of]) =>
    of.length <= NAMED
      ? of.map((l) => `${placeText(l)} is left as it is: ${why}.`)
      : [`${of.length} are left as they are (${of.slice(0, NAMED).map(placeText).join(', ')}, …): ${why}.`],
  )
}

const more = (n: number, screen: number): string[] => (n > screen ? [`… and ${n - screen} more`] : [])
const records = (n: number) => (n === 1 ? '1 record' : `${n} records`)
