/** The learning queue in memory: the rules of `strandline_bridge_page` and `strandline_bridge_settle`. It refuses no row. */
import type { MemoryDatabase } from '../../../core/store/memory/database.ts'
import { positionsOf } from '../../../core/store/memory/positions.ts'
import { type QueuedStrand, setAsideKey, strandTables } from '../../../core/store/memory/strands.ts'
import type { RelayClaim } from '../position-store.ts'
import { strandText, takeTrades } from './memory-trades.ts'
import type { QueueStore, SettleAnswer, Settled } from './queue-store.ts'

const MOST_REASON = 2_000

type WaitingRow = Settled & { strand_id: string }
type Answer = SettleAnswer & { waiting: number }

export function createMemoryQueue(db: MemoryDatabase): QueueStore {
  const { adStrands, strands, queue, setAside } = strandTables(db)

  /** Those that still wait, with their strands. */
  const stillWaiting = (rows: readonly Settled[]): WaitingRow[] =>
    rows.flatMap((row) => {
      const waits = queue.get(row.id)
      return waits?.status === 'pending' ? [{ ...row, strand_id: waits.strand_id }] : []
    })

  function settle(rows: readonly WaitingRow[], claim: RelayClaim): Answer {
    const answer = takeTrades(db, rows, claim)
    for (const row of rows) {
      if (row.wait_ms !== undefined) rest(row)
      else done(row, queue.get(row.id) as QueuedStrand)
    }
    const failed = rows.filter((r) => r.error !== null && r.wait_ms === undefined).length
    return { ...answer, failed, waiting: rows.filter((r) => r.wait_ms !== undefined).length, refused: [] }
  }

  function rest({ id, strand_id, error, wait_ms }: WaitingRow): void {
    const attempts = (setAside.get(setAsideKey('strand', id))?.attempts ?? 0) + 1
    const retry_at = db.now() + (wait_ms as number)
    setAside.put(setAsideKey('strand', id), {
      kind: 'strand',
      id,
      scope: strand_id,
      reason: error as string,
      attempts,
      retry_at,
    })
  }

  function done({ id, strand_id, error }: WaitingRow, row: QueuedStrand): void {
    const status = error === null ? ('completed' as const) : ('failed' as const)
    const text = error === null ? null : [...error].slice(0, MOST_REASON).join('')
    queue.put(id, { ...row, status, error: text, processed_at: new Date(db.now()).toISOString() })
    const key = setAsideKey('strand', id)
    const attempts = (setAside.get(key)?.attempts ?? 0) + 1
    if (error === null) setAside.remove(key)
    else setAside.put(key, { kind: 'strand', id, scope: strand_id, reason: error, attempts, retry_at: null })
  }

  return {
    async page(after, limit) {
      const page = queue
        .rows()
        .filter((q) => q.status === 'pending' && q.strand_type === 'position_closed')
        .filter((q) => after === null || q.id > Number(after))
        .sort((a, b) => a.id - b.id)
        .slice(0, limit)
      const rests = ({ id }: QueuedStrand) =>
        (setAside.get(setAsideKey('strand', String(id)))?.retry_at ?? Number.NEGATIVE_INFINITY) > db.now()
      const ours = new Set(strands.rows().flatMap((s) => (s.adopted ? [] : [s.strand_id])))
      return {
        rows: page
          .filter((q) => !rests(q))
          .map(({ id, strand_id }) => {
            const strand = adStrands.get(strand_id)
            return { id: String(id), strand_id, strand: strand ? strandText(strand) : null, ours: ours.has(strand_id) }
          }),
        resting: page.filter(rests).length,
        last: page.length === 0 ? null : String(page.at(-1)?.id),
        more: page.length === limit,
        now: db.now(),
        position_ids: 'text',
      }
    },
    settle: async (rows, claim) => db.transaction(() => settle(stillWaiting(rows), claim)),
    settleEach: async (rows, claim) =>
      db.transaction(() => {
        const sum: Answer = { added: 0, known: 0, failed: 0, waiting: 0, published: [], refused: [] }
        for (const row of stillWaiting(rows)) {
          const one = settle([row], claim)
          for (const name of ['added', 'known', 'failed', 'waiting'] as const) sum[name] += one[name]
          sum.published.push(...one.published)
        }
        return sum
      }),
    async positionFacts(ids) {
      const found = [...new Set(ids)].flatMap((id) => positionsOf(db).get(id) ?? [])
      return Object.fromEntries(
        found.map(({ id, timeframe, token_ticker, token_contract, token_chain, side }) => [
          id,
          { timeframe, token_ticker, token_contract, token_chain, side },
        ]),
      )
    },
  }
}
