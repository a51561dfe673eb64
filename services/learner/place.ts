/** Where a record is, as a person writes it: partition:offset. */
import type { Place } from './dead-letter-store.ts'

export const placeText = ({ partition, offset }: Place): string => `${partition}:${offset}`

/** null: it is none. */
export function parsePlace(text: string): Place | null {
  const match = /^(\d{1,9}):(\d{1,15})$/.exec(text)
  return match && { partition: Number(match[1]), offset: Number(match[2]) }
}
