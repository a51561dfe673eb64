/** What a trade counts for under `lowcap-v4` (DESIGN.md, *Coefficients*): the table of levers, written down once more. */
import type { ClosedTrade } from '../load/event.ts'

export interface GroupName {
  scope: 'lever' | 'interaction'
  name: string
  key: string
}

interface Lever {
  name: string
  field: string
  /** In an interaction key. */
  short: string
  vocabulary?: string[]
  edges?: number[]
  measure?: (m: Record<string, number>) => number | undefined
}

const own = (map: Record<string, number>, name: string) => (Object.hasOwn(map, name) ? map[name] : undefined)

const LEVERS: Lever[] = [
  { name: 'curator', field: 'curator', short: 'curator' },
  { name: 'chain', field: 'chain', short: 'chain' },
  {
    name: 'cap',
    field: 'mcap_bucket',
    short: 'cap',
    vocabulary: ['<500k', '500k-1m', '1m-2m', '2m-5m', '5m-10m', '10m-50m', '50m+'],
    edges: [500e3, 1e6, 2e6, 5e6, 10e6, 50e6],
    measure: (m) => own(m, 'mcap_at_entry'),
  },
  {
    name: 'vol',
    field: 'vol_bucket',
    short: 'vol',
    vocabulary: ['<10k', '10k-50k', '50k-100k', '100k-250k', '250k-500k', '500k-1m', '1m+'],
    edges: [10e3, 50e3, 100e3, 250e3, 500e3, 1e6],
    measure: (m) => own(m, 'vol_at_entry'),
  },
  {
    name: 'age',
    field: 'age_bucket',
    short: 'age',
    vocabulary: ['<1d', '1-3d', '3-7d', '7-14d', '14-30d', '30-90d', '90d+'],
    edges: [1, 3, 7, 14, 30, 90],
    measure: (m) => own(m, 'age_at_entry'),
  },
  { name: 'intent', field: 'intent', short: 'intent' },
  { name: 'mapping_confidence', field: 'mapping_confidence', short: 'conf' },
  {
    name: 'mcap_vol_ratio',
    field: 'mcap_vol_ratio_bucket',
    short: 'ratio',
    vocabulary: ['<0.1', '0.1-0.5', '0.5-1.0', '1.0-2.0', '2.0-5.0', '5.0+'],
    edges: [0.1, 0.5, 1, 2, 5],
    measure(m) {
      const [cap, vol] = [own(m, 'mcap_at_entry'), own(m, 'vol_at_entry')]
      if (cap === undefined || vol === undefined) return undefined
      return vol === 0 ? Number.POSITIVE_INFINITY : cap / vol
    },
  },
]

const TIMEFRAMES = ['1m', '15m', '1h', '4h']

function leverValue(
  { field, vocabulary, edges, measure }: Lever,
  { levers, measures }: ClosedTrade,
): string | undefined {
  const text = (Object.hasOwn(levers, field) ? levers[field]! : '').trim()
  if (text !== '') return vocabulary ? vocabulary.find((word) => word.toLowerCase() === text.toLowerCase()) : text
  const measured = measure?.(measures)
  if (measured === undefined) return undefined
  return vocabulary![edges!.filter((edge) => measured >= edge).length]
}

export function groupsOf(trade: ClosedTrade): GroupName[] {
  const groups: GroupName[] = []
  const parts: string[] = []
  for (const lever of LEVERS) {
    const value = leverValue(lever, trade)
    if (value === undefined) continue
    groups.push({ scope: 'lever', name: lever.name, key: value })
    parts.push(`${lever.short}=${value.replaceAll('%', '%25').replaceAll('|', '%7C')}`)
  }
  if (TIMEFRAMES.includes(trade.timeframe)) groups.push({ scope: 'lever', name: 'timeframe', key: trade.timeframe })
  if (parts.length > 0) groups.push({ scope: 'interaction', name: 'interaction', key: parts.sort().join('|') })
  return groups
}
