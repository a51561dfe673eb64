/** What the audit says. Pure. */
import type { AuditReport } from '../services/audit/audit.ts'
import { count, error, type Finding, info } from './finding.ts'

export function judgeAudit(a: AuditReport): Finding[] {
  if (a.reconciles) return [info('audit', `Every one of ${count(a.closed, 'closed trade')} is accounted for, once.`)]
  const amiss = (['lost', 'double', 'wrong'] as const).filter((what) => a[what] > 0).map((what) => `${what} ${a[what]}`)
  return [error('audit', `The audit does not reconcile: ${amiss.join(', ')}.`, './strandline audit says more.')]
}
