/** Dead letters for a person. */
import type { Place, RecordedDeadLetter, Redriven } from '../services/learner/redrive.ts'
import { table } from './table.ts'

export const placeText = ({ partition, offset }: Place): string => `${partition}:${offset}`

/** @param screen rows to print; one more in `letters` says that there are more */
export function deadLettersText(letters: RecordedDeadLetter[], screen: number, all: boolean): string {
  if (letters.length === 0) return all ? 'There never was a dead letter.' : 'No dead letter is open.'
  const rows = letters
    .slice(0, screen)
    .map((l) => [
      placeText(l),
      l.recorded_at.slice(0, 19).replace('T', ' '),
      l.reason,
      l.redriven_to ? `redriven to ${placeText(l.redriven_to)}` : l.state,
      l.dead_letter ? placeText(l.dead_letter) : '–',
      l.detail,
    ])
  const columns = ['record', 'since (UTC)', 'reason', 'state', 'in the dead-letter topic', 'detail']
  const lines = table(
    columns.map((title) => ({ title })),
    rows,
  )
  if (letters.length > screen) lines.push('', `These are the first ${screen}; --json prints all.`)
  return lines.join('\n')
}

export function redrivenText(redriven: Redriven[], skipped: (Place & { why: string })[]): string {
  const count = redriven.length === 1 ? '1 record' : `${redriven.length} records`
  return [
    ...redriven.map((r) => `${placeText(r)} is published again, as ${placeText(r.to)}.`),
    ...skipped.map((s) => `${placeText(s)} is left as it is: ${s.why}.`),
    `${count} redriven${skipped.length > 0 ? `, ${skipped.length} left` : ''}.`,
  ].join('\n')
}
