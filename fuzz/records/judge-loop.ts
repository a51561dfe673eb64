/** What learner and projector left of some records, compared with what must be: computed from the records as they were read, one by one. */
import { readAllCoefficients } from '../../core/store/learned.ts'
import { createMemoryCoefficients } from '../../core/store/memory/coefficients.ts'
import { deadLettersOf } from '../../core/store/memory/dead-letters.ts'
import { learnedTables } from '../../core/store/memory/learned.ts'
import { strandTables } from '../../core/store/memory/strands.ts'
import { eventUuid } from '../../domain/event.ts'
import type { Model } from '../../domain/learning/model.ts'
import { createOfflineFold } from '../../domain/learning/offline.ts'
import type { Loop } from './loop.ts'
import type { Reading } from './reading.ts'

/** Of coefficients, relative; sums are added up in another order. */
const CLOSE = 1e-9

/** Sentences that say what is wrong. @param readings of the records at offsets 0, 1, 2, … */
export async function judgeLoop({ db, sent }: Loop, readings: readonly Reading[], model: Model): Promise<string[]> {
  const wrong: string[] = []
  const refused = new Map<number, string>()
  for (const { offset, reason } of deadLettersOf(db).rows()) {
    if (refused.has(offset)) wrong.push(`offset ${offset} has two dead letters`)
    refused.set(offset, reason)
  }
  for (const [offset, { reason }] of readings.entries())
    if ((refused.get(offset) ?? null) !== reason)
      wrong.push(
        `offset ${offset}: the dead letter says ${refused.get(offset) ?? 'nothing'}, its reading ${reason ?? 'good'}`,
      )
  if (sent() !== refused.size) wrong.push(`${sent()} letters were sent, and ${refused.size} are recorded`)

  const good = readings.filter((r) => r.reason === null)
  const ledger = learnedTables(db).ledger.rows()
  const expected = new Map<string, (typeof good)[number]>()
  for (const reading of good) {
    if (!reading.accepted) continue
    const id = eventUuid(reading.event.event_id)
    if ((expected.get(id)?.event.revision ?? -1) < reading.event.revision) expected.set(id, reading)
  }
  if (ledger.length !== expected.size) wrong.push(`${ledger.length} trades are in the ledger, ${expected.size} must be`)
  for (const row of ledger) {
    const { trade } = expected.get(row.event_id) ?? {}
    const same =
      trade &&
      row.revision === trade.revision &&
      row.voided === trade.voided &&
      row.closed_at === trade.closed_at &&
      row.rr === trade.rr
    if (!same) wrong.push(`the ledger has ${JSON.stringify(row)} where ${JSON.stringify(trade ?? null)} must be`)
  }

  for (const { name, key, sums } of learnedTables(db).partials.rows())
    for (const [field, value] of Object.entries(sums))
      if (typeof value !== 'number' || !Number.isFinite(value))
        wrong.push(`${field} of ${name} '${key.slice(0, 40)}' is ${value}`)
  const fold = createOfflineFold(model)
  const refusals = await fold.add(good.filter((r) => r.accepted).map((r) => r.event))
  if (refusals.length > 0) wrong.push(`the offline fold refuses ${refusals.length} records that the learner takes`)
  const rows = new Map((await readAllCoefficients(createMemoryCoefficients(db))).map((c) => [`${c.name}\0${c.key}`, c]))
  const folded = fold.result().coefficients
  if (rows.size !== folded.length) wrong.push(`there are ${rows.size} coefficients, ${folded.length} must be`)
  for (const c of folded) {
    const row = rows.get(`${c.name}\0${c.key}`)
    for (const field of ['n', 'rr_short', 'rr_long', 'weight'] as const)
      if (!row || !isClose(row[field], c[field]))
        wrong.push(`${field} of ${c.name} '${c.key.slice(0, 40)}' is ${row?.[field]}, not ${c[field]}`)
  }

  const strands = strandTables(db)
  const events = new Set(good.map((r) => r.strand.metadata.event_id))
  const shown = strands.strands.rows().length
  if (shown !== events.size) wrong.push(`${shown} trades have strands, ${events.size} must have`)
  for (const row of strands.adStrands.rows()) {
    const odd = oddNumber(row.content)
    if (odd) wrong.push(`strand ${row.id}: ${odd}`)
    if (Number.isNaN(Date.parse(row.created_at))) wrong.push(`strand ${row.id} was created at ${row.created_at}`)
  }
  return wrong
}

/** NaN compares with nothing, and so is never close. */
const isClose = (a: number, b: number) => Math.abs(a - b) <= CLOSE * Math.max(1, Math.abs(b))

/** Where a JSON value has a number that is none, or a text that looks like one. */
function oddNumber(value: unknown, path = 'content'): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `${path} is ${value}`
  if (typeof value !== 'object' || value === null) return undefined
  for (const [name, item] of Object.entries(value)) {
    const odd = oddNumber(item, `${path}.${name.slice(0, 40)}`)
    if (odd) return odd
  }
  return undefined
}
