/** What a factor is called, and where its trades are. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { FactorKey } from '../../../domain/sizing/allocation.ts'
import { address } from '../../router.ts'

/** Of which model and moment: what links keep. */
export type Of = Record<'model' | 'as_of' | 'at_time' | 'at_offset', string | null>

/** The query by which a coefficient is asked for. */
export const coefficientQuery = ({ scope, name, key }: FactorKey, of: Of) =>
  scope === 'market' ? { name: 'baseline', ...of } : { name, key, ...of }

export function FactorName({ factor, of, n }: { factor: FactorKey; of: Of; n: number }): VNode {
  const { scope, name, key } = factor
  const title =
    scope === 'market' ? 'all trades, lately' : scope === 'interaction' ? `${name}: all of it together` : name
  const text = html`<span class="any"><strong>${title}</strong>${key && html` <span class=${scope === 'interaction' ? 'any key' : 'any'}>${key}</span>`}</span>`
  return (n > 0 ? html`<a href=${address('/coefficient', coefficientQuery(factor, of))}>${text}</a>` : text) as VNode
}
