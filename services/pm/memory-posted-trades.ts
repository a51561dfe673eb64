/** Posted trades in memory: the rules of `strandline_pm_post_trade`. */
import { canonicalJson } from '../../core/canonical-json.ts'
import { asJson, keyOf, type MemoryDatabase } from '../../core/store/memory/database.ts'
import {
  addRow,
  appliedRevision,
  eventOfTrade,
  handedOut,
  nameTrade,
  newestEvent,
} from '../../core/store/memory/outbox.ts'
import { waitsUntil } from '../../domain/closing/final-bars.ts'
import { forgetProvisional, noteProvisional } from './memory-positions.ts'
import type { PostedTradeStore } from './posted-trade-store.ts'

interface Posted {
  event_id: string
  revision: number
  /** What was sent, as canonical JSON. */
  request: string
}

const SAME = ['opened_at', 'closed_at', 'entry_price', 'exit_price', 'voided'] as const

export function createMemoryPostedTrades(db: MemoryDatabase): PostedTradeStore {
  const posted = db.table<Posted>('posted_trades')
  return {
    event: async (id) => newestEvent(db, id),
    post: async ({ event, revision, request, side, awaits, max_skew_ms, traceparent }, claim) =>
      db.transaction(() => {
        if (event.closed_at > db.now() + max_skew_ms) return { status: 'in_future', now: db.now() }
        const event_id = eventOfTrade(db, event)
        const text = canonicalJson(asJson(request))
        const known = posted.get(keyOf(event_id, revision))
        const last = newestEvent(db, event_id)
        const applied = appliedRevision(db, event_id)
        const newest = Math.max(last?.revision ?? -1, applied?.revision ?? -1)
        if (known) return { status: known.request === text ? 'known' : 'conflict', event: last }
        const older = posted
          .rows()
          .filter((p) => p.event_id === event_id && p.revision > revision)
          .map((p) => p.revision)
        if (older.length > 0) return { status: 'older', newest: Math.max(...older) }
        if (last && 'voided' in last && last.voided && !event.voided) return { status: 'voided', event: last }
        if (applied?.voided && !event.voided && applied.revision > (last?.revision ?? -1))
          return { status: 'voided', event: { event_id, revision: applied.revision } }
        if (revision === 0 && last) {
          if ('opened_at' in last && SAME.some((name) => last[name] !== event[name]))
            return { status: 'conflict', event: last }
          nameTrade(db, event)
          return { status: 'known', event: last }
        }
        if (!last && !applied && event.voided) return { status: 'unknown' }
        nameTrade(db, event)
        posted.put(keyOf(event_id, revision), { event_id, revision, request: text })
        // A correction leaves the trade where it came from: models learn from some sources and not from others.
        const source = last?.source ?? event.source
        // What the bot posts first has the first number, also where consumers know the trade: to them it is that one.
        const next = { ...event, event_id, revision: revision === 0 ? 0 : newest + 1, source }
        const row = addRow(db, next, claim, traceparent)
        forgetProvisional(db, event_id)
        if (awaits)
          noteProvisional(db, next, side, awaits === 'rest' ? next.revision : null, waitsUntil(next, db.now()))
        return { status: 'posted', event: asJson(next), outbox: handedOut(row!) }
      }),
  }
}
