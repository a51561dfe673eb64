/** What is wrong with the loop, the worst first, each in a sentence with what to do. Pure. */
import type { LagReport } from '../../core/lag/lag.ts'
import type { Finding } from '../../doctor/finding.ts'
import { count, duration } from '../../doctor/finding.ts'
import { judgeAudit } from '../../doctor/judge-audit.ts'
import { judgeLag } from '../../doctor/log/judge-lag.ts'
import type { Audited, Problem } from './state.ts'

/** A row of the outbox that has not moved for so long is stuck. */
const STUCK_MS = 15_000

export interface Looked {
  /** What could not be looked at, and why. */
  failures: string[]
  lag: LagReport | null
  records: number
  outbox: number | null
  /** Since when the outbox has not been empty, ms; null: it is, or is not known. */
  waitingSince: number | null
  audit: Audited | null
  now: number
}

export function problemsOf({ failures, lag, records, outbox, waitingSince, audit, now }: Looked): Problem[] {
  const found: Problem[] = failures.map((what) => ({
    severity: 'error',
    what,
    todo: 'What is shown below is of before.',
  }))
  const waited = waitingSince === null ? 0 : now - waitingSince
  if (outbox && waited > STUCK_MS)
    found.push({
      severity: 'error',
      what: `The outbox has not been empty for ${duration(waited)}: ${count(outbox, 'closed trade')} ${outbox === 1 ? 'is' : 'are'} not in the log.`,
      todo: 'Look whether the PM runs, and at its log. They are not lost: they are published as soon as it can.',
    })
  if (lag) found.push(...judgeLag(lag, records).flatMap(problemOf))
  if (audit) found.push(...judgeAudit(audit).flatMap(problemOf))
  return found.sort((a, b) => rank(a) - rank(b))
}

const problemOf = ({ severity, what, todo }: Finding): Problem[] =>
  severity === 'info' ? [] : [{ severity, what, todo }]
const rank = ({ severity }: Problem) => (severity === 'error' ? 0 : 1)
