/** Whether memory stays flat: what is alive after a collection, again and again, and the slope of the line through it. */
import v8 from 'node:v8'
import vm from 'node:vm'

export interface MemoryVerdict {
  /** Bytes that stay alive for each case, by least squares; null: too few cases to tell. */
  bytes_per_case: number | null
  /** MB. */
  first_mb: number
  last_mb: number
}

/** Of a run that is long enough to tell; caches of fixed size are full by then. */
const WARM_UP_SHARE = 0.3
const FEWEST_SAMPLES = 10
const FEWEST_CASES = 100_000
/** A case that is kept somewhere would be hundreds. */
export const MOST_BYTES_PER_CASE = 24

export function createMemoryWatch(): { sample(cases: number): void; verdict(): MemoryVerdict } {
  v8.setFlagsFromString('--expose-gc')
  const collect = vm.runInNewContext('gc') as () => void
  const samples: { cases: number; bytes: number }[] = []
  return {
    sample(cases) {
      collect()
      const { heapUsed, external } = process.memoryUsage()
      samples.push({ cases, bytes: heapUsed + external })
    },
    verdict() {
      const mb = (at: number) => Math.round((samples.at(at)?.bytes ?? 0) / 1e5) / 10
      const last = samples.at(-1)?.cases ?? 0
      const later = samples.filter((s) => s.cases >= last * WARM_UP_SHARE)
      const tells = later.length >= FEWEST_SAMPLES && last >= FEWEST_CASES
      return { bytes_per_case: tells ? Math.round(slope(later) * 100) / 100 : null, first_mb: mb(0), last_mb: mb(-1) }
    },
  }
}

/** Of the line through the samples: bytes a case. */
function slope(samples: { cases: number; bytes: number }[]): number {
  const mean = (of: (s: { cases: number; bytes: number }) => number) =>
    samples.reduce((sum, s) => sum + of(s), 0) / samples.length
  const [x, y] = [mean((s) => s.cases), mean((s) => s.bytes)]
  const above = samples.reduce((sum, s) => sum + (s.cases - x) * (s.bytes - y), 0)
  return above / samples.reduce((sum, s) => sum + (s.cases - x) ** 2, 0)
}
