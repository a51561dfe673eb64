/** How long a trade takes from its close to its coefficient, sampled from what the log and the database say of themselves: both times are the database's. */
import type { LagReport } from '../../core/lag/lag.ts'
import type { EventLog } from '../../core/log/log.ts'
import { isLearner } from '../../core/runner/consumer-names.ts'
import { recordedAt } from '../../domain/record-time.ts'
import type { Latency } from './state.ts'

const KEPT_MS = 3_600_000
const MOST = 5_000

export interface LatencySamples {
  /** Looks at the newest record of each commit of the active learner that was not seen yet. */
  sample(report: LagReport, log: Pick<EventLog, 'recordsAt'>, now: number): Promise<void>
  summary(): Latency | null
}

export function createLatencySamples(): LatencySamples {
  const seen = new Map<string, string>()
  const looked = new Set<string>()
  let samples: { at: number; ms: number }[] = []
  return {
    async sample(report, log, now) {
      const learner = report.groups.find((g) => g.active && isLearner(g.consumer))
      if (!learner) return
      const moved = learner.partitions.filter(
        (p) => p.checkpoint && p.committed_at && seen.get(`${learner.consumer} ${p.partition}`) !== p.committed_at,
      )
      for (const p of moved) seen.set(`${learner.consumer} ${p.partition}`, p.committed_at as string)
      if (!looked.has(learner.consumer) || moved.length === 0) {
        looked.add(learner.consumer) // what it had committed before may be old: at the start, and of a rebuild once it is promoted
        return
      }
      const records = await log.recordsAt(
        report.topic,
        new Map(moved.map((p) => [p.partition, (p.checkpoint as number) - 1])),
      )
      for (const { partition, checkpoint, committed_at } of moved) {
        const record = records.get(partition)
        if (!record || record.offset !== (checkpoint as number) - 1) continue
        samples.push({ at: now, ms: Math.max(0, Date.parse(committed_at as string) - recordedAt(record)) })
      }
      samples = samples.filter((s) => s.at > now - KEPT_MS).slice(-MOST)
    },
    summary() {
      if (samples.length === 0) return null
      const sorted = samples.map((s) => s.ms).sort((a, b) => a - b)
      const rank = (p: number) => sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] as number
      return { p50: rank(0.5), p99: rank(0.99), samples: sorted.length }
    },
  }
}
