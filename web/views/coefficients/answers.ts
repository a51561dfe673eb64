/** What the server answers about coefficients and trades. */
import type { WeighedRow } from '../../../domain/learning/offline.ts'
import type { coefficientsHead, explainAnswer, historyAnswer, tradesAnswer } from '../../../replay/answers.ts'
import type { LogExtent } from '../../../replay/extent.ts'

export type Head = ReturnType<typeof coefficientsHead>

export interface Coefficient extends WeighedRow {
  against?: Pick<WeighedRow, 'weight' | 'rr_short' | 'rr_long' | 'n' | 'edge' | 'trust' | 'error'> | null
}

export interface CoefficientsAnswer extends Head {
  coefficients: Coefficient[]
  total: number
  against?: Head
}

export interface AskableModel {
  ask: string
  name: string
  hash: string | null
  build: number | null
  active: boolean
  building: boolean
  learned: boolean
}

export interface Extent extends LogExtent {
  models: AskableModel[]
}

export type Explained = ReturnType<typeof explainAnswer>
export type Course = ReturnType<typeof historyAnswer>
export type Trades = ReturnType<typeof tradesAnswer>

/** A model as its reader tells it from others. */
export const modelText = ({
  name,
  hash,
  build,
  active,
}: {
  name: string
  hash: string | null
  build: number | null
  active: boolean
}) =>
  `${name}${hash ? ` (${hash.slice(0, 12)}${(build ?? 1) > 1 ? `.r${build}` : ''})` : ''}${active ? ', active' : ''}`

/** Of which moment an answer is. */
export function momentText({ as_of, at_time, at_offset }: Pick<Head, 'as_of' | 'at_time' | 'at_offset'>): string {
  if (as_of) return `as of ${as_of.slice(0, 19).replace('T', ' ')} UTC`
  if (at_time) return `as known at ${at_time.slice(0, 19).replace('T', ' ')} UTC`
  if (at_offset) return `below ${offsetsText(at_offset).replaceAll(',', ', ')}`
  return 'now'
}

/** As an address has it. */
const offsetsText = (offsets: Record<string, number>) =>
  Object.entries(offsets)
    .map(([p, o]) => `${p}:${o}`)
    .join()

/** The same moment for a link. */
export const momentQuery = ({ as_of, at_time, at_offset }: Pick<Head, 'as_of' | 'at_time' | 'at_offset'>) => ({
  as_of,
  at_time,
  at_offset: at_offset && offsetsText(at_offset),
})

/** A moment of the address that is none of the exits', which the slider cannot show; null: there is none. */
export function otherMoment(query: URLSearchParams): string | null {
  const [at_time, at_offset] = [query.get('at_time'), query.get('at_offset')]
  if (at_time) return `what the log had at ${at_time}`
  return at_offset ? `what the log has below ${at_offset}` : null
}
