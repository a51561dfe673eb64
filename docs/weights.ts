/** Draws docs/weights.svg: `node docs/weights.ts`. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadModel } from '../core/load-model.ts'
import { BASELINE, type Group, SQUARES } from '../domain/learning/model.ts'
import type { Evidence } from '../domain/learning/sums.ts'
import { createWeigher } from '../domain/learning/weigher.ts'

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 300, 44, 150, 24, 34]
const TRADES = 300
const HIGHEST = 3
/** Evenly on a logarithmic axis. */
const POINTS = [...new Set(Array.from({ length: 40 }, (_, i) => Math.round(TRADES ** (i / 39))))]

/** So many trades, all of this R/R, at the newest exit. */
const trades = (n: number, rr: number): Evidence => ({ n, rr_short: rr, rr_long: rr, sum_short: n, sum_long: n })
const lever: Group = { scope: 'lever', name: 'curator', key: 'x' }

function weightsOf(name: string, rr: number): [n: number, weight: number][] {
  const weigher = createWeigher(loadModel(name), (group) =>
    group.name === BASELINE.name ? trades(1_000, group.key === SQUARES.key ? 3.5 : 1) : null,
  )
  return POINTS.map((n) => [n, weigher.weigh(lever, trades(n, rr)).weight])
}

const x = (n: number) => LEFT + (Math.log(n) / Math.log(TRADES)) * (WIDTH - LEFT - RIGHT)
const y = (weight: number) => TOP + (1 - weight / HIGHEST) * (HEIGHT - TOP - BOTTOM)
const at = (value: number) => value.toFixed(1)
const text = (px: number, py: number, anchor: string, content: string) =>
  `<text x="${at(px)}" y="${at(py)}" text-anchor="${anchor}">${content}</text>`

const lines = [
  { name: 'lowcap-v4', rr: 2, label: 'v4, R/R 2', color: '#c2410c', dash: '6 4' },
  { name: 'lowcap-v5', rr: 2, label: 'shrunk, R/R 2', color: '#1d4ed8', dash: 'none' },
  { name: 'lowcap-v5', rr: 0, label: 'shrunk, R/R 0', color: '#1d4ed8', dash: 'none' },
  { name: 'lowcap-v4', rr: 0, label: 'v4, R/R 0', color: '#c2410c', dash: '6 4' },
].map(({ name, rr, label, color, dash }) => {
  const points = weightsOf(name, rr)
  const last = (points.at(-1) as [number, number])[1]
  const path = points.map(([n, weight]) => `${at(x(n))},${at(y(weight))}`).join(' ')
  const shift = name === 'lowcap-v4' ? -3 : 11 // the two below end next to each other
  const line = `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2" stroke-dasharray="${dash}"/>`
  return `${line}\n${text(WIDTH - RIGHT + 8, y(last) + (rr === 0 ? shift : 4), 'start', label)}`
})
const grid = [0.5, 1, 2, 3].map((weight) => {
  const line = `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(weight))}" y2="${at(y(weight))}" stroke="#d4d4d4"/>`
  return `${line}\n${text(LEFT - 8, y(weight) + 4, 'end', String(weight))}`
})
const ticks = [1, 3, 10, 30, 100, 300].map((n) => text(x(n), HEIGHT - BOTTOM + 18, 'middle', String(n)))

const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#525252">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${[...grid, ...ticks, ...lines].join('\n')}
${text(LEFT, 14, 'start', 'weight')}
${text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 2, 'middle', 'trades of the group')}
</svg>
`
writeFileSync(fileURLToPath(new URL('weights.svg', import.meta.url)), svg)
