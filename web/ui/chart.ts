/** A line chart over time, by uPlot, which is loaded with the first one. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type uPlot from 'uplot'

export interface Series {
  label: string
  /** A colour of style.css: --line-1 … --line-6. */
  colour: string
  values: (number | null)[]
  /** Points only, no line between them. */
  points?: boolean
  dash?: number[]
  /** Fills the room between this series and the next. */
  band?: boolean
  /** Draws steps: the value holds until the next one. */
  steps?: boolean
  /** The line goes on over times at which it has no value. */
  spans?: boolean
  /** No line of its own: the edge of a band. */
  edge?: boolean
}

export interface ChartProps {
  /** In words, for those who do not see it. */
  label: string
  /** ms */
  times: number[]
  series: Series[]
  format(value: number): string
  height?: number
  /** A point was chosen. */
  onPoint?(index: number): void
}

let loading: Promise<typeof uPlot> | undefined
function load(): Promise<typeof uPlot> {
  loading ??= (async () => {
    const style = document.createElement('link')
    style.rel = 'stylesheet'
    style.href = '/vendor/uplot.css'
    document.head.append(style)
    return (await import('uplot')).default
  })()
  return loading
}

export function Chart({ label, times, series, format, height = 220, onPoint }: ChartProps): VNode {
  const box = useRef<HTMLDivElement>(null)
  const [scheme, setScheme] = useState(0)
  useEffect(() => {
    const media = matchMedia('(prefers-color-scheme: dark)')
    const changed = () => setScheme((n) => n + 1)
    media.addEventListener('change', changed)
    return () => media.removeEventListener('change', changed)
  }, [])
  const chosen = useRef(onPoint)
  chosen.current = onPoint
  useEffect(() => {
    const element = box.current as HTMLDivElement
    let chart: uPlot | undefined
    let over = false
    const watch = new ResizeObserver(() => chart?.setSize({ width: element.clientWidth, height }))
    load().then((UPlot) => {
      if (over) return
      const data = [times.map((t) => t / 1_000), ...series.map((s) => s.values)] as uPlot.AlignedData
      chart = new UPlot(optionsOf(UPlot, { series, format, height }, element), data, element)
      element.querySelector('.u-over')?.addEventListener('click', () => {
        const index = chart?.cursor.idx
        if (index !== null && index !== undefined) chosen.current?.(index)
      })
      watch.observe(element)
    })
    return () => {
      over = true
      watch.disconnect()
      chart?.destroy()
    }
  }, [scheme, height, JSON.stringify([times, series])])
  return html`<div class="chart" role="img" aria-label=${label} ref=${box} style=${{ minHeight: `${height}px` }}></div>` as VNode
}

function optionsOf(
  UPlot: typeof uPlot,
  { series, format, height }: Pick<ChartProps, 'series' | 'format'> & { height: number },
  element: HTMLElement,
): uPlot.Options {
  const style = getComputedStyle(element)
  const colour = (name: string) => style.getPropertyValue(name).trim()
  const axis = { stroke: colour('--ink-soft'), grid: { stroke: colour('--rule'), width: 1 }, ticks: { show: false } }
  return {
    width: element.clientWidth,
    height,
    tzDate: (ts) => UPlot.tzDate(new Date(ts * 1_000), 'Etc/UTC'),
    cursor: { y: false },
    legend: { live: true },
    scales: { x: { time: true } },
    axes: [axis, { ...axis, size: 70, values: (_chart, ticks) => ticks.map(format) }],
    series: [
      {},
      ...series.map(
        (s): uPlot.Series => ({
          label: s.label,
          stroke: colour(s.colour),
          width: s.points || s.edge ? 0 : 2,
          dash: s.dash,
          spanGaps: s.spans === true,
          points: { show: s.points === true, size: 7, fill: colour(s.colour) },
          paths: s.steps ? UPlot.paths.stepped?.({ align: 1 }) : undefined,
          value: (_chart, value) => (value === null || value === undefined ? '–' : format(value)),
        }),
      ),
    ],
    bands: series.flatMap((s, i) =>
      s.band ? [{ series: [i + 1, i + 2], fill: `${colour(s.colour)}22` } as uPlot.Band] : [],
    ),
  }
}
