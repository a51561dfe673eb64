/**
 * The audit: is every closed trade in the log, in the ledger and in ad_strands, and counted once? Each store is counted itself, and the coefficients are
 * computed again from the log's own bytes, by the offline fold, and compared: no trust in anybody's bookkeeping.
 */

import { DecodeError } from '../core/codec/codec.ts'
import { createCodec } from '../core/codec/position-closed-codec.ts'
import { eventUuid, type PositionClosed } from '../core/event.ts'
import { readAll } from '../core/log/read-all.ts'
import type { ServiceDeps } from '../core/service.ts'
import type { Store } from '../core/store/store.ts'
import { checkEvent } from '../core/validation.ts'
import { activeModel, readAllCoefficients, readCoefficients } from '../services/decision/learned.ts'
import { type CoefficientRow, createOfflineFold, type FoldedLog } from '../services/learner/offline.ts'

export interface Audit {
  /** Trades that the PM closed, or that were imported. */
  closed: number
  /** How many of those are in the log, the ledger and ad_strands. */
  in_log: number
  in_ledger: number
  in_ad_strands: number
  /** Closed trades that are missing in any of the three. */
  lost: number
  /** Trades that count more than once: in the baseline, or as strands. */
  double: number
}

export interface AuditReport extends Audit {
  /** Ids of the first lost trades. */
  lost_ids: string[]
  /** Events in the log that nobody here closed or imported: published by someone else. */
  published_by_others: number
  /** Records of the log that cannot be applied; they are in the dead-letter topic. */
  not_applicable: number
  /** Coefficients computed again from the log: how many, how many differ (relative 1e-9) or are missing, and the largest relative difference. */
  recomputed: { coefficients: number; different: number; largest_difference: number }
}

/** Rows of one page: far from a hosted project's statement timeout. */
const PAGE = 5_000
export const TOLERANCE = 1e-9

export async function audit(deps: ServiceDeps): Promise<AuditReport> {
  const { store, log, config } = deps
  const closed = new Set([...(await idsOf(store, 'positions')), ...(await idsOf(store, 'outbox'))])
  const ledger = await idsOf(store, 'ledger')
  const strands = await idsOf(store, 'strands')
  const model = await activeModel(store)
  const fold = model && createOfflineFold(model)
  const codec = createCodec(config)
  const inLog = new Set<string>()
  let not_applicable = 0
  await readAll(log, config.topic, async (record, partition) => {
    let event: PositionClosed
    try {
      event = await codec.decode(record.value as Buffer)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      not_applicable++
      return
    }
    if (checkEvent(event, record.key, record.timestamp)) {
      not_applicable++
      return
    }
    inLog.add(eventUuid(event.event_id))
    await fold?.add([event], partition)
  })
  const missing = [...closed].filter((id) => !inLog.has(id) || !ledger.has(id) || !strands.has(id))
  const { global_rr } = await readCoefficients(store, [])
  const rows = await readAllCoefficients(store)
  const folded = fold?.result() ?? { global_rr: { rr_short: null, rr_long: null, n: 0 }, coefficients: [] }
  const strandRows = await store.rpc<{ events: number; rows: number }>('strands_event_count', {})
  const count = (ids: Set<string>) => [...closed].filter((id) => ids.has(id)).length
  return {
    closed: closed.size,
    in_log: count(inLog),
    in_ledger: count(ledger),
    in_ad_strands: count(strands),
    lost: missing.length,
    double: Math.max(0, global_rr.n - folded.global_rr.n) + Math.max(0, strandRows.rows - strandRows.events),
    lost_ids: missing.slice(0, 20),
    published_by_others: [...inLog].filter((id) => !closed.has(id)).length,
    not_applicable,
    recomputed: compare(folded, rows),
  }
}

async function idsOf(store: Store, what: 'positions' | 'outbox' | 'ledger' | 'strands'): Promise<Set<string>> {
  const ids = new Set<string>()
  for (let after: string | null = ''; after !== null; ) {
    const page: { ids: string[]; next: string | null } = await store.rpc('strandline_audit_page', {
      p_store: what,
      p_after: after,
      p_limit: PAGE,
    })
    for (const id of page.ids) ids.add(eventUuid(id))
    after = page.next
  }
  return ids
}

/** What is stored against what the log gives. */
function compare(folded: FoldedLog, rows: CoefficientRow[]): AuditReport['recomputed'] {
  const stored = new Map(rows.map((r) => [`${r.name}\0${r.key}`, r]))
  let different = Math.max(0, rows.length - folded.coefficients.length)
  let largest = 0
  for (const row of folded.coefficients) {
    const other = stored.get(`${row.name}\0${row.key}`)
    if (!other || other.n !== row.n) {
      different++
      continue
    }
    const off = Math.max(
      ...(['rr_short', 'rr_long', 'weight'] as const).map(
        (f) => Math.abs(row[f] - other[f]) / Math.max(Math.abs(row[f]), 1e-12),
      ),
    )
    largest = Math.max(largest, off)
    if (!(off <= TOLERANCE)) different++
  }
  return { coefficients: folded.coefficients.length, different, largest_difference: largest }
}
