/** Where a record is, as a person writes it. */
import type { Place } from '../../../services/learner/dead-letter-store.ts'
import { withQuery } from '../../router.ts'

export const placeText = ({ partition, offset }: Place): string => `${partition}:${offset}`
/** Whatever else an address says would be asked of the server as another path. */
export const isPlace = (text: string): boolean => /^\d{1,9}:\d{1,15}$/.test(text)
/** The letter at a place, in this view. */
export const letterLink = (at: Place): string => withQuery({ letter: placeText(at) })
