/** What a run came to: for programs, and for people. */
import type { FaultDone } from './hurt.ts'
import type { Finding, Judgement } from './oracle/judge.ts'
import type { Log } from './oracle/log.ts'
import type { SoakJudgement } from './soak/judge-soak.ts'
import { soakLines } from './soak/text.ts'
import type { Stage } from './stage.ts'
import { faultOf, type Verified } from './verified.ts'

export interface TortureReport {
  seed: number
  /** Records of the log. */
  events: number
  faults: Record<string, number>
  /** Kinds that this machine cannot do. */
  left_out: string[]
  closed: number
  in_log: number
  applied: number
  lost: number
  double: number
  wrong: number
  strands: Judgement['strands']
  dead_letters: Judgement['dead_letters']
  /** What ./strandline verify says; a sentence: why it could not look. */
  verify: Verified | string
  /** From the end of a fault until something that closed after it was applied. */
  recovery_ms: { p50: number; p99: number }
  /** Services that ended without being told to, and were started again. */
  own_ends: Record<string, number>
  /** What was watched in a soak. */
  soak?: Pick<SoakJudgement, 'slopes' | 'unjudged'>
  verdict: 'pass' | 'fail'
  /** Why it is a failure; the first of many. */
  reasons: string[]
  /** Where logs and evidence are kept. */
  data?: string
}

export interface Outcome {
  seed: number
  planned: number
  leftOut: string[]
  floor: number
  done: FaultDone[]
  log: Log
  judgement: Judgement
  refused: { position_id: string; reason: string }[]
  /** What has not come to rest. */
  open: string | undefined
  verified: Verified | string
  soak?: SoakJudgement
  stage: Stage
}

const SHOWN = 12

export function reportOf(outcome: Outcome): TortureReport {
  const { seed, planned, leftOut, floor, done, log, judgement, refused, open, verified, soak, stage } = outcome
  const { findings, closed, in_log, applied, strands, dead_letters } = judgement
  const count = (kind: Finding['kind']) => findings.filter((f) => f.kind === kind).length
  const recovery = done.flatMap((fault) => fault.recovery_ms ?? [])
  const reasons: string[] = []
  if (done.length < planned) reasons.push(`It did too little: ${done.length} of ${planned} faults.`)
  if (log.records < floor) reasons.push(`It did too little: ${log.records} events, and ${floor} are the least.`)
  if (open !== undefined) reasons.push(`It does not come to rest: ${open}.`)
  if (recovery.length < done.length)
    reasons.push(`After ${done.length - recovery.length} faults nothing was applied any more.`)
  for (const { service } of stage.members)
    for (const [crash, times] of countEach(service.crashes()))
      reasons.push(`${service.name} ${crash}${times > 1 ? ` (${times} times)` : ''}`)
  for (const { position_id, reason } of refused) reasons.push(`A PM refused the trade of ${position_id}: ${reason}`)
  for (const { kind, what, event_id } of findings)
    reasons.push(
      `${kind}: ${what}${event_id ? ` (event ${event_id}; records at ${log.trades.get(event_id)?.places.join(', ') ?? 'none'})` : ''}`,
    )
  const fault = faultOf(verified)
  if (fault) reasons.push(fault)
  reasons.push(...(soak?.reasons ?? []))
  const more = reasons.length - SHOWN
  const faults: Record<string, number> = {}
  for (const { kind } of done) faults[kind] = (faults[kind] ?? 0) + 1
  return {
    seed,
    events: log.records,
    faults,
    left_out: leftOut,
    closed,
    in_log,
    applied,
    lost: count('lost'),
    double: count('double'),
    wrong: count('wrong'),
    strands,
    dead_letters,
    verify: verified,
    recovery_ms: { p50: percentile(recovery, 0.5), p99: percentile(recovery, 0.99) },
    own_ends: Object.fromEntries(
      stage.members.filter((m) => m.service.ownEnds() > 0).map((m) => [m.service.name, m.service.ownEnds()]),
    ),
    ...(soak ? { soak: { slopes: soak.slopes, unjudged: soak.unjudged } } : {}),
    verdict: reasons.length === 0 ? 'pass' : 'fail',
    reasons: more > 0 ? [...reasons.slice(0, SHOWN), `… and ${more} more`] : reasons,
  }
}

function countEach(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  return counts
}

/** Nearest rank; 0 of nothing. */
function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

const number = (n: number) => n.toLocaleString('en-US')

export function reportText(report: TortureReport): string {
  const { faults, own_ends, strands, dead_letters, verify, recovery_ms } = report
  const kinds = Object.entries(faults).sort()
  const total = kinds.reduce((sum, [, n]) => sum + n, 0)
  const rows: [string, string][] = [
    ['events in the log', number(report.events)],
    ['faults', `${total} of ${kinds.length} kinds`],
    ['trades closed', number(report.closed)],
    ['in the log', number(report.in_log)],
    ['applied', number(report.applied)],
    ['lost', number(report.lost)],
    ['double', number(report.double)],
    ['wrong', number(report.wrong)],
    ['strands', `${strands.missing} missing, ${strands.extra} extra`],
    ['dead letters', `${dead_letters.found} found of ${dead_letters.expected}`],
    [
      'verify',
      typeof verify === 'string'
        ? verify
        : `${number(verify.identical)} of ${number(verify.coefficients)} coefficients the same to the last bit, ${number(verify.different)} differ`,
    ],
    ['recovery', `p50 ${number(recovery_ms.p50)} ms, p99 ${number(recovery_ms.p99)} ms`],
  ]
  if (report.left_out.length > 0) rows.push(['LEFT OUT', report.left_out.join(', ')])
  const ends = Object.entries(own_ends)
  if (ends.length > 0) rows.push(['ended by themselves', ends.map(([name, n]) => `${name} ${n}×`).join(', ')])
  const lines = rows.map(([name, value]) => `${name.padEnd(20)} ${value}`)
  if (report.soak) lines.push('', ...soakLines(report.soak))
  if (report.verdict === 'fail') lines.push('', ...report.reasons.map((r) => `- ${r}`))
  if (report.data) lines.push('', `The data, the logs and findings.json are in ${report.data}`)
  lines.push(
    '',
    report.verdict === 'pass'
      ? `PASS  seed ${report.seed}`
      : `FAIL  seed ${report.seed}: the same plan again with --seed ${report.seed}`,
  )
  return lines.join('\n')
}
