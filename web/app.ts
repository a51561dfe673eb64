/** The frame of the page: the navigation, and the view that the address names, loaded when it is first looked at. */
import { html } from 'htm/preact'
import type { ComponentType, VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { ask, NEEDS_TOKEN } from './api.ts'
import { followLinks, useAddress } from './router.ts'
import { TokenForm } from './ui/token-form.ts'
import type { ViewProps } from './view.ts'

type View = ComponentType<ViewProps>

const AGAIN_MS = 2_000

interface Place {
  path: string
  title: string
  load(): Promise<View>
}

const PLACES: Place[] = [
  { path: '/', title: 'Loop', load: async () => (await import('./views/loop.ts')).LoopView },
  {
    path: '/coefficients',
    title: 'Coefficients',
    load: async () => (await import('./views/coefficients.ts')).CoefficientsView,
  },
  { path: '/sizing', title: 'Sizing', load: async () => (await import('./views/sizing.ts')).SizingView },
  { path: '/verdict', title: 'Verdict', load: async () => (await import('./views/verdict.ts')).VerdictView },
  {
    path: '/dead-letters',
    title: 'Dead letters',
    load: async () => (await import('./views/dead-letters.ts')).DeadLettersView,
  },
  { path: '/models', title: 'Models', load: async () => (await import('./views/models.ts')).ModelsView },
]
/** Reached from others. */
const FURTHER: Place[] = [
  {
    path: '/coefficient',
    title: 'Coefficient',
    load: async () => (await import('./views/coefficient.ts')).CoefficientView,
  },
  { path: '/trades', title: 'Trades', load: async () => (await import('./views/trades.ts')).TradesView },
]

export function App(): VNode {
  const address = useAddress()
  const [needsToken, setNeedsToken] = useState(false)
  const [operate, setOperate] = useState(false)
  const place = [...PLACES, ...FURTHER].find((p) => p.path === address.path)
  useEffect(() => {
    const needed = () => setNeedsToken(true)
    addEventListener(NEEDS_TOKEN, needed)
    return () => removeEventListener(NEEDS_TOKEN, needed)
  }, [])
  useEffect(() => {
    if (!needsToken)
      ask<{ operate: boolean }>('/v1/page').then(
        (page) => setOperate(page.operate),
        () => undefined,
      )
  }, [needsToken])
  useEffect(() => {
    document.title = place && place.path !== '/' ? `${place.title} – Strandline` : 'Strandline'
  }, [place])
  return html`<div onClick=${followLinks}>
    <a class="skip" href="#view">Skip to the content</a>
    <header class="top">
      <a class="brand" href="/">Strandline</a>
      <nav aria-label="Views">
        ${PLACES.map(
          ({ path, title }) =>
            html`<a href=${path} aria-current=${path === address.path ? 'page' : undefined}>${title}</a>`,
        )}
      </nav>
    </header>
    <main id="view" tabindex="-1">
      ${
        needsToken
          ? html`<${TokenForm} given=${() => setNeedsToken(false)} />`
          : place
            ? html`<${Loaded} key=${place.path} place=${place} address=${address} operate=${operate} />`
            : html`<h1>There is no such view</h1><p><a href="/">To the loop</a></p>`
      }
    </main>
  </div>` as VNode
}

function Loaded({ place, address, operate }: { place: Place } & ViewProps): VNode {
  const [view, setView] = useState<{ View?: View; failed?: boolean }>({})
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const load = () =>
      place.load().then(
        (View) => setView({ View }),
        () => {
          setView({ failed: true })
          timer = setTimeout(load, AGAIN_MS)
        },
      )
    load()
    return () => clearTimeout(timer)
  }, [place])
  const { View, failed } = view
  if (failed)
    return html`<p role="alert">This view could not be loaded; it is tried again. <a href=${location.href} target="_self">Load the page again.</a></p>` as VNode
  return (
    View ? html`<${View} address=${address} operate=${operate} />` : html`<p class="quiet" role="status">Loading …</p>`
  ) as VNode
}
