/** Base, least and most, the timeframe, by which model, and when. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { ContextsAnswer } from '../../../page/sizing/contexts.ts'
import { counted } from '../../numbers.ts'
import { TypedInput } from '../../ui/typed-input.ts'

export const SIZES = { base: '5', min: '1', max: '10' } as const
type Changes = Record<string, string | null>

export interface SizingFieldsProps {
  query: URLSearchParams
  timeframe: string
  contexts: ContextsAnswer | undefined
  change(changes: Changes): void
}

const typed = (event: Event) => (event.target as HTMLInputElement | HTMLSelectElement).value
const TITLES = { base: 'Base', min: 'At least', max: 'At most' }

export function SizingFields({ query, timeframe, contexts, change }: SizingFieldsProps): VNode {
  const frames = contexts?.timeframes ?? []
  const others = timeframe && !frames.some((t) => t.timeframe === timeframe) ? [timeframe] : []
  const model = query.get('model') ?? ''
  const models = [...new Set([...(contexts?.models ?? []), ...(model ? [model] : [])])]
  return html`<div class="fields">
    ${(Object.keys(SIZES) as (keyof typeof SIZES)[]).map(
      (name) => html`<label>${TITLES[name]}
        <${TypedInput} short numeric value=${query.get(name) ?? SIZES[name]} onText=${(text: string) => text && change({ [name]: text })} />
      </label>`,
    )}
    <label>Timeframe
      <select onChange=${(e: Event) => change({ timeframe: typed(e) || 'all' })}>
        <option value="" selected=${timeframe === ''}>all: split the size</option>
        ${frames.map((t) => html`<option value=${t.timeframe} selected=${timeframe === t.timeframe}>${t.timeframe} (${counted(t.n, 'trade')})</option>`)}
        ${others.map((name) => html`<option value=${name} selected>${name}</option>`)}
      </select>
    </label>
    <label>Model
      <select onChange=${(e: Event) => change({ model: typed(e) || null })}>
        <option value="" selected=${model === ''}>the active one</option>
        ${models.map((name) => html`<option value=${name} selected=${model === name}>${name}</option>`)}
      </select>
    </label>
    <${MomentFields} query=${query} change=${change} />
  </div>` as VNode
}

const MOMENTS = { as_of: 'trades closed by', at_time: 'known to the log at' }
type MomentName = keyof typeof MOMENTS

function MomentFields({ query, change }: Pick<SizingFieldsProps, 'query' | 'change'>): VNode {
  const named = (Object.keys(MOMENTS) as MomentName[]).find((name) => query.has(name))
  const text = named ? (query.get(named) as string) : ''
  const choose = (name: string) =>
    change({
      as_of: null,
      at_time: null,
      at_offset: null,
      ...(name ? { [name]: text || `${new Date().toISOString().slice(0, 16)}Z` } : {}),
    })
  return html`
    <label>Of when
      <select onChange=${(e: Event) => choose(typed(e))}>
        <option value="" selected=${!named}>${query.has('at_offset') ? `offset ${query.get('at_offset')}` : 'now'}</option>
        ${Object.entries(MOMENTS).map(([name, title]) => html`<option value=${name} selected=${named === name}>${title}</option>`)}
      </select>
    </label>
    ${named && html`<label>Time (UTC) <input type="datetime-local" value=${localOf(text)} onChange=${(e: Event) => typed(e) && change({ [named]: `${typed(e)}Z` })} /></label>`}
  ` as unknown as VNode
}

/** As the browser's field wants it, in UTC; empty: it is no time, which the server says. */
function localOf(iso: string): string {
  const ms = Date.parse(iso)
  return Number.isNaN(ms) ? '' : new Date(ms).toISOString().slice(0, 16)
}
