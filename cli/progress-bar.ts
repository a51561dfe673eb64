/** How far a long work is, how fast it goes, and how long it will still take: on standard error, as `createProgress` says it. */
import { createProgress } from './progress.ts'

/** The rate is that of so many milliseconds. */
const WINDOW_MS = 10_000
const CELLS = 20

export interface ProgressBar {
  (done: number, total: number): void
  end(): void
}

/** @param unit what is counted, e.g. `records` */
export function createProgressBar(
  what: string,
  unit: string,
  out: NodeJS.WriteStream = process.stderr,
  now: () => number = () => performance.now(),
): ProgressBar {
  const progress = createProgress(out)
  const seen: { at: number; done: number }[] = []
  const bar = (done: number, total: number) => {
    seen.push({ at: now(), done })
    while (seen.length > 2 && seen[0]!.at < now() - WINDOW_MS) seen.shift()
    const first = seen[0]!
    const seconds = (now() - first.at) / 1_000
    progress(what, done, total, barText(done, total, unit, seconds > 0 ? (done - first.done) / seconds : 0))
  }
  return Object.assign(bar, { end: progress.end })
}

/** @param rate units a second; 0: unknown yet */
export function barText(done: number, total: number, unit: string, rate: number): string {
  const share = total === 0 ? 1 : done / total
  const full = Math.floor(share * CELLS)
  const parts = [
    `[${'#'.repeat(full)}${'.'.repeat(CELLS - full)}] ${Math.floor(share * 100)} %`,
    `${done} of ${total} ${unit}`,
  ]
  if (rate > 0) parts.push(`${Math.round(rate)}/s`)
  if (rate > 0 && done < total) parts.push(`${duration((total - done) / rate)} left`)
  return parts.join(', ')
}

/** Seconds as a person reads them. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 5_400) return `${Math.ceil(seconds / 60)} min`
  return `${(seconds / 3_600).toFixed(1)} h`
}
