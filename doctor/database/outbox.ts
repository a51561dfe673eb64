/** Closed trades that are not in the log yet, and rows that were set aside. */
import { count, duration, error, type Finding, info, list, warning } from '../finding.ts'
import type { Ask } from './read-only.ts'

export interface OutboxFacts {
  waiting: number
  /** Of them: at fault themselves. */
  refused: number
  oldest_ms: number | null
  last_error: string | null
  /** By kind of what was set aside: how many, and the newest reason. */
  set_aside: { kind: string; n: number; reason: string }[]
}

export async function inspectOutbox(ask: Ask): Promise<OutboxFacts> {
  const [outbox] = await ask<Omit<OutboxFacts, 'set_aside'>>(`
    select count(*)::double precision as waiting, (count(*) filter (where refused))::double precision as refused,
      extract(epoch from now() - min(created_at) filter (where not refused))::double precision * 1000 as oldest_ms,
      (array_agg(last_error order by id desc) filter (where last_error is not null))[1] as last_error
    from strandline.pm_outbox where published_at is null`)
  const set_aside = await ask<OutboxFacts['set_aside'][number]>(`
    select kind, count(*)::double precision as n, (array_agg(reason order by since desc, id))[1] as reason
    from strandline.set_aside group by kind order by kind`)
  return { ...outbox!, set_aside }
}

/** A trade is published within moments of its close. Milliseconds; as the alert StrandlineOutboxAge. */
const PUBLISHED_WITHIN_MS = 60_000
const SET_ASIDE: Record<string, string> = {
  position: 'positions that cannot be closed',
  strand: 'strands of the old queue',
}

export function judgeOutbox({ waiting, refused, oldest_ms, last_error, set_aside }: OutboxFacts): Finding[] {
  const found: Finding[] = []
  const said = last_error ? ` The last error: ${last_error}` : ''
  if (refused > 0)
    found.push(
      error(
        'outbox',
        `${count(refused, 'closed trade')} ${refused === 1 ? 'is' : 'are'} refused by the log or its schema.${said}`,
        'Correct the payload, or raise max.message.bytes of the topic: docs/operations.md, StrandlineOutboxRefused.',
      ),
    )
  const others = waiting - refused
  if (others > 0 && (oldest_ms ?? 0) > PUBLISHED_WITHIN_MS)
    found.push(
      error(
        'outbox',
        `${count(others, 'closed trade')} ${others === 1 ? 'waits' : 'wait'} in the outbox, the oldest for ${duration(oldest_ms!)}: nobody publishes.${refused > 0 ? '' : said}`,
        'See that a PM runs; its /readyz says what it waits for.',
      ),
    )
  else if (others > 0) found.push(info('outbox', `${count(others, 'closed trade')} on the way to the log.`))
  else if (refused === 0) found.push(info('outbox', 'Every closed trade of the outbox is in the log.'))
  if (set_aside.length > 0)
    found.push(
      warning(
        'outbox',
        `Set aside: ${list(set_aside.map((s) => `${s.n.toLocaleString('en-US')} ${SET_ASIDE[s.kind] ?? `of kind ${s.kind}`} (${s.reason})`))}.`,
        'select kind, id, scope, reason, retry_at from strandline.set_aside;',
      ),
    )
  return found
}
