/** How large a position would be, and why: the entry context, and the waterfall of what its parts say. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { ContextsAnswer } from '../../page/sizing/contexts.ts'
import type { Decision } from '../../services/decision/decide.ts'
import { useAnswer } from '../api.ts'
import { time } from '../numbers.ts'
import { type Address, address as addressOf, navigate, withQuery } from '../router.ts'
import { Answer, Empty, Failure } from '../ui/notice.ts'
import { SizingAnswer } from './sizing/answer.ts'
import { compact, fitsAddress, numberOr, pretty, readEntry } from './sizing/entry.ts'
import { EntryForm } from './sizing/entry-form.ts'
import type { Of } from './sizing/factor-name.ts'
import { SIZES, SizingFields } from './sizing/sizing-fields.ts'

/** A person who types is let finish a word. */
const SETTLED_MS = 250

/** As the models read: without one the size is split. In the address it is `all`, as nothing said means the newest trade's. */
const ALL = 'all'

export function SizingView({ address: { query } }: { address: Address }): VNode {
  const of = Object.fromEntries(['model', 'as_of', 'at_time', 'at_offset'].map((name) => [name, query.get(name)])) as Of
  const known = useAnswer<ContextsAnswer>(addressOf('/v1/contexts', { model: of.model }))
  const contexts = known.value
  const inAddress = query.get('context')
  const newest = inAddress === null ? contexts?.newest : undefined
  const { text, type } = useText(
    inAddress,
    newest ? JSON.stringify(newest.entry_context) : contexts || known.error ? '{}' : undefined,
  )
  const settled = useSettled(text, SETTLED_MS)
  const named = query.get('timeframe') ?? (newest?.timeframe || ALL)
  const timeframe = named === ALL ? '' : named
  const read = readEntry(text ?? '{}')
  const context = settled === undefined ? undefined : readEntry(settled)
  const body = context &&
    context.problem === undefined && {
      entry_context: context.context,
      ...(timeframe ? { timeframe } : {}),
      base: numberOr(query.get('base') ?? SIZES.base),
      min: numberOr(query.get('min') ?? SIZES.min),
      max: numberOr(query.get('max') ?? SIZES.max),
    }
  const answer = useAnswer<Decision>(body ? addressOf('/v1/allocations', of) : null, body || undefined)
  /** Whatever is changed, the entry that is seen is what it was changed for. */
  const change = (changes: Record<string, string | null>) =>
    navigate(
      withQuery({
        context: text !== undefined && fitsAddress(text) ? compact(text) : null,
        timeframe: timeframe || ALL,
        ...changes,
      }),
      true,
    )
  return html`
    <h1>Sizing</h1>
    ${known.error && html`<${Failure} error=${known.error} />`}
    ${
      newest &&
      html`<p class="quiet" role="status">This is the entry of the trade that was closed last, <span class="any">${newest.symbol}</span> at ${time(newest.closed_at)} UTC, as the model knows it. Change it, or paste another.</p>`
    }
    ${contexts && !newest && inAddress === null && html`<${Empty}>No trade was closed yet: type what one would say at its entry.<//>`}
    <div class="sizing">
      <section class="card" aria-label="The entry">
        <h2>The entry</h2>
        <${SizingFields} query=${query} timeframe=${timeframe} contexts=${contexts} change=${change} />
        ${text !== undefined && html`<${EntryForm} text=${text} read=${read} contexts=${contexts} away=${known.error !== undefined} onText=${(to: string) => type(to, { timeframe: timeframe || ALL })} />`}
      </section>
      <div class="why">
        ${body ? html`<${Answer} of=${answer}>${(decision: Decision) => html`<${SizingAnswer} decision=${decision} of=${of} open=${query.get('open')} />`}<//>` : read.problem !== undefined ? html`<p class="quiet">The size follows once the entry can be read.</p>` : html`<p class="quiet" role="status">Reading the log …</p>`}
      </div>
    </div>
  ` as unknown as VNode
}

/** The text as it is typed; the address follows once it settles, and leads when it changes by itself. */
function useText(inAddress: string | null, prefilled: string | undefined) {
  const [typed, setTyped] = useState<{ text: string; with: Record<string, string> } | null>(null)
  const written = useRef(inAddress)
  useEffect(() => {
    if (inAddress !== written.current) setTyped(null)
    written.current = inAddress
  }, [inAddress])
  useEffect(() => {
    if (typed === null) return
    const timer = setTimeout(() => {
      written.current = fitsAddress(typed.text) ? compact(typed.text) : null
      navigate(withQuery({ ...typed.with, context: written.current }), true)
    }, SETTLED_MS)
    return () => clearTimeout(timer)
  }, [typed])
  const given = inAddress ?? prefilled
  return {
    text: typed?.text ?? (given === undefined ? undefined : pretty(given)),
    type: (text: string, others: Record<string, string>) => setTyped({ text, with: others }),
  }
}

/** A value once it has not changed for so long; the first one at once. */
function useSettled<T>(value: T | undefined, ms: number): T | undefined {
  const [settled, set] = useState(value)
  useEffect(() => {
    if (settled === undefined) return set(value)
    const timer = setTimeout(() => set(value), ms)
    return () => clearTimeout(timer)
  }, [value])
  return settled
}
