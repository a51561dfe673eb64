/** Hot or cold, as domain/sizing/temperature.ts says it (web/temperature.test.ts holds the two together). Pure. */

/** @param least by which the means must differ to say anything (`least_difference` of the answer); null: it is not known */
export function temperature(short: number, long: number, least: number | null): 'hot' | 'cold' | 'steady' {
  if (least === null) return 'steady'
  const threshold = Math.max(0.25 * Math.abs(long), least)
  if (short - long >= threshold) return 'hot'
  return short - long <= -threshold ? 'cold' : 'steady'
}
