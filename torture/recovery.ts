/** How long after each fault something that closed after it was applied. Looked up in the ledger itself. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultDone } from './hurt.ts'
import type { Close } from './load/trader.ts'
import type { Stage } from './stage.ts'

export interface Recovery {
  /** It has let go; gets its `recovery_ms`. */
  after(fault: FaultDone): void
  /** Waits for those that are left, so long at most (ms). */
  stop(ms: number): Promise<void>
}

const LOOK_MS = 100
/** What took longer is told. */
const TOLD_MS = 10_000
/** Of the closes after a fault, the first so many are looked for. */
const ASKED = 50

/** @param closes those that were answered, in that order; it grows */
export function watchRecovery(
  stage: Stage,
  closes: readonly Close[],
  told: (text: string) => void,
  signal: AbortSignal,
): Recovery {
  let open: { fault: FaultDone; from: number }[] = []
  let until = Number.POSITIVE_INFINITY

  async function look(): Promise<void> {
    // closes that were begun before a fault ended may be answered after it: they are passed over
    const asked = open.flatMap(({ fault, from }) =>
      closes
        .slice(from)
        .filter((c) => c.at >= fault.ended)
        .slice(0, ASKED)
        .map((c) => c.event.event_id),
    )
    if (asked.length === 0) return
    const rows = await stage.sql<{ event_id: string }>(
      'select event_id from strandline.learner_ledger where event_id = any($1::uuid[])',
      [[...new Set(asked)]],
    )
    const now = Date.now()
    const applied = new Set(rows.map((r) => r.event_id))
    open = open.filter(({ fault, from }) => {
      const recovered = closes.slice(from).some((c) => c.at >= fault.ended && applied.has(c.event.event_id))
      if (!recovered) return true
      fault.recovery_ms = now - fault.ended
      if (fault.recovery_ms > TOLD_MS)
        told(`after ${fault.kind} (${fault.target}) it took ${(fault.recovery_ms / 1000).toFixed(1)} s`)
      return false
    })
  }

  const running = (async () => {
    while (Date.now() < until && !(until < Number.POSITIVE_INFINITY && open.length === 0)) {
      await look()
      await sleep(LOOK_MS, undefined, { signal })
    }
  })()
  running.catch(() => {}) // whoever stops hears of it
  return {
    after: (fault) => void open.push({ fault, from: closes.length }),
    async stop(ms) {
      until = Date.now() + ms
      await running
    },
  }
}
