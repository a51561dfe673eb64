/** What a run has found. */
import type { AccessFound } from './access/run.ts'
import type { Failure } from './found.ts'
import type { RequestsFound } from './http/run.ts'
import type { ImportsFound } from './imports/run.ts'
import type { RecordsFound } from './records/run.ts'

type Part<Found> = Omit<Found, 'failures'>

export interface FuzzReport {
  seed: number
  records?: Part<RecordsFound>
  imports?: Part<ImportsFound>
  requests?: Part<RequestsFound>
  access?: Part<AccessFound>
  seconds: number
  verdict: 'pass' | 'fail'
  failures: Failure[]
}
