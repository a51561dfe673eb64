/** What every view is given. */
import type { Address } from './router.ts'

export interface ViewProps {
  address: Address
  /** The page may change things. */
  operate: boolean
}
