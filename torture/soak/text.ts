/** What a soak watched, for people. */
import type { SoakJudgement } from './judge-soak.ts'

export function soakLines({ slopes, unjudged }: Pick<SoakJudgement, 'slopes' | 'unjudged'>): string[] {
  const width = Math.max(0, ...slopes.map(({ what }) => what.length))
  const lines = slopes.map(({ what, unit, level, slope, bound, grows }) => {
    const signed = `${slope < 0 ? '' : '+'}${slope}`
    return `${what.padEnd(width)}  ${`${level} ${unit}`.trim()}, ${signed} an hour (at most ${bound})${grows ? '  GROWS' : ''}`
  })
  if (unjudged.length > 0) lines.push(`Not long enough there to be judged: ${unjudged.join(', ')}.`)
  return lines
}
