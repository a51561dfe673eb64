/** The reference vectors: logs, and what they must fold to. */
import { readFileSync } from 'node:fs'
import type { PositionClosed } from '../../domain/event.ts'
import type { FoldedLog } from '../../domain/learning/offline.ts'
import { parseOfflineLine } from '../../domain/offline-log.ts'
import { expectClose } from './learned.ts'
import { sharedData } from './shared-data.ts'

export interface Vector {
  name: string
  events: PositionClosed[]
  /** Fails unless this is what the log must fold to: the same rows, each number within the tolerance. */
  check(folded: FoldedLog): void
}

/** null, and said on stderr, where the reference data is absent. */
export function readVectors(): Vector[] | null {
  const file = sharedData('vectors/coefficients.json')
  if (file === null) return null
  const { cases, tolerance } = JSON.parse(readFileSync(file, 'utf8')) as {
    tolerance: number
    cases: Record<string, { log: object[]; expect: FoldedLog }>
  }
  return Object.entries(cases).map(([name, { log, expect }]) => ({
    name,
    events: log.map((line, i) => parseOfflineLine(JSON.stringify(line), i + 1)),
    check: (folded) => expectClose(folded, expect, tolerance),
  }))
}

/** The log cut by event_id: every revision of a trade lies in the same partition, in its order. */
export function partitionsOf(events: readonly PositionClosed[], count: number): PositionClosed[][] {
  const partitions: PositionClosed[][] = Array.from({ length: count }, () => [])
  for (const event of events) {
    let hash = 0
    for (const c of event.event_id) hash = (hash * 31 + c.charCodeAt(0)) >>> 0
    ;(partitions[hash % count] as PositionClosed[]).push(event)
  }
  return partitions
}
