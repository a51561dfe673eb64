/** One case of a seed again, alone: what it is, and what becomes of it. */
import { StrandlineError } from '../core/errors.ts'
import { makeRequest } from './http/bad-request.ts'
import { fuzzImports } from './imports/run.ts'
import { makeRecord } from './records/mutate.ts'
import { fuzzRecords } from './records/run.ts'

export interface ShownCase {
  /** What is sent; of a record, in hexadecimal. */
  sent: object | string
  /** null: it was applied, or refused as it must be; of a request: it is only shown, for want of services. */
  problem: string | null
}

const SHOWN_BYTES = 20_000

/** @param name `records/4711`. Errors: USAGE for one that is none. */
export async function showCase(seed: number, name: string): Promise<ShownCase> {
  const [, part, text] = /^(records|imports|requests)\/(\d+)$/.exec(name) ?? []
  if (!part || !text)
    throw new StrandlineError('USAGE', `--case is '${name}'.`, {
      todo: 'Write records/…, imports/… or requests/… and the number of the case.',
    })
  const number = Number(text)
  if (part === 'requests') {
    const { target, head, body, about } = makeRequest(seed, number)
    return { sent: { target, about, head, body: body.toString('latin1', 0, SHOWN_BYTES) }, problem: null }
  }
  if (part === 'imports') {
    const { failures, kinds } = await fuzzImports({ seed, count: 1, from: number })
    return { sent: kinds, problem: failures[0]?.problem ?? null }
  }
  const { key, value, headers, timestamp, kind, reasons } = makeRecord(seed, number)
  const { failures } = await fuzzRecords({ seed, count: 1, from: number })
  const sent = {
    kind,
    must_be_refused_for: reasons ?? 'anything, or nothing',
    key: key?.toString('hex', 0, SHOWN_BYTES) ?? null,
    value: value?.toString('hex', 0, SHOWN_BYTES) ?? null,
    headers,
    timestamp,
  }
  return { sent, problem: failures[0]?.problem ?? null }
}
