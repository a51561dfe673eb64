/** A look has an end, and what it could not see is a finding. */
import { explain, findStrandlineError } from '../core/errors.ts'
import { Late, within } from '../core/within.ts'
import { type Area, error, type Finding } from './finding.ts'

/** One area's look at the world. Milliseconds. */
export const INSPECT_MS = 25_000

/** What `work` finds. What goes wrong, or takes too long, becomes an error of the area: `what` could not be looked at. */
export async function inspect(
  area: Area,
  what: string,
  work: () => Promise<Finding[]>,
  ms = INSPECT_MS,
): Promise<Finding[]> {
  try {
    return await within(work(), ms)
  } catch (cause) {
    if (cause instanceof Late)
      return [error(area, `${what} could not be looked at: ${cause.message}.`, 'Look again when it is less busy.')]
    return [unseen(area, what, cause)]
  }
}

export function unseen(area: Area, what: string, cause: unknown): Finding {
  const { code } = cause as { code?: string }
  if (code === '57014')
    return error(
      area,
      `${what} could not be looked at within the time of a statement.`,
      'Look again when it is less busy.',
    )
  const known = findStrandlineError(cause)
  return error(
    area,
    `${what} could not be looked at: ${sentence(known?.message ?? explain(cause))}`,
    known?.todo ?? null,
  )
}

const sentence = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`)
