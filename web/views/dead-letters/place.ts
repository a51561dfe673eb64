/** Where a record is, as a person writes it. */
import type { Place } from '../../../services/learner/dead-letter-store.ts'
import { withQuery } from '../../router.ts'

export const placeText = ({ partition, offset }: Place): string => `${partition}:${offset}`
/** The letter at a place, in this view. */
export const letterLink = (at: Place): string => withQuery({ letter: placeText(at) })
