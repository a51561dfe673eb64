/**
 * The trades that fill a ledger: trade i has the levers of combination k = i·7919 mod COMBINATIONS, so that each is a combination of its own and all can be
 * made by SQL as well as here.
 */

export const CURATORS = 10_000
/** Lever by lever, in the order in which k is taken apart: name in the ledger, name in an interaction key, values. */
export const LEVERS: { name: string; short: string; field: string; values: string[] }[] = [
  { name: 'chain', short: 'chain', field: 'chain', values: ['solana', 'ethereum', 'base', 'bsc'] },
  {
    name: 'cap',
    short: 'cap',
    field: 'mcap_bucket',
    values: ['<500k', '500k-1m', '1m-2m', '2m-5m', '5m-10m', '10m-50m', '50m+'],
  },
  {
    name: 'vol',
    short: 'vol',
    field: 'vol_bucket',
    values: ['<10k', '10k-50k', '50k-100k', '100k-250k', '250k-500k', '500k-1m', '1m+'],
  },
  {
    name: 'age',
    short: 'age',
    field: 'age_bucket',
    values: ['<1d', '1-3d', '3-7d', '7-14d', '14-30d', '30-90d', '90d+'],
  },
  { name: 'intent', short: 'intent', field: 'intent', values: ['research_positive', 'pump_call', 'new_listing'] },
  { name: 'mapping_confidence', short: 'conf', field: 'mapping_confidence', values: ['low', 'med', 'high'] },
]
export const TIMEFRAME = '1h'
export const STEP = 7_919
/** 123,480,000: beyond every ledger that is filled here, and without a common divisor with STEP. */
export const COMBINATIONS = LEVERS.reduce((product, lever) => product * lever.values.length, CURATORS)

/** The entry context of trade i. */
export function leversOf(i: number): Record<string, string> {
  const k = (i * STEP) % COMBINATIONS
  const levers: Record<string, string> = { curator: `curator_${k % CURATORS}` }
  let rest = Math.floor(k / CURATORS)
  for (const { field, values } of LEVERS) {
    levers[field] = values[rest % values.length] as string
    rest = Math.floor(rest / values.length)
  }
  return levers
}
