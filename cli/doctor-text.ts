/** The doctor's report for a person. */
import type { Finding, Report } from '../doctor/finding.ts'
import { printable } from './table.ts'

export function doctorText({ ok, findings }: Report): string {
  const amiss = findings.filter((f) => f.severity !== 'info')
  const rest = findings.filter((f) => f.severity === 'info')
  const area = Math.max(...findings.map((f) => f.area.length))
  const mark = ({ severity }: Finding) => (severity === 'error' ? 'ERROR  ' : 'warning')
  return [
    ...amiss.flatMap((f, i) => [
      `${String(i + 1).padStart(2)}. ${mark(f)}  ${f.area.padEnd(area)}  ${printable(f.what)}`,
      ...(f.todo ? [`${' '.repeat(15 + area)}→ ${printable(f.todo)}`] : []),
    ]),
    ...(amiss.length > 0 && rest.length > 0 ? [''] : []),
    ...rest.map((f) => `  ${f.area.padEnd(area)}  ${printable([f.what, f.todo].filter(Boolean).join(' '))}`),
    '',
    verdict(ok, amiss),
  ].join('\n')
}

function verdict(ok: boolean, amiss: Finding[]): string {
  const errors = amiss.filter((f) => f.severity === 'error').length
  const warnings = amiss.length - errors
  const number = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`
  if (!ok)
    return `NOT WELL: ${[number(errors, 'error'), ...(warnings > 0 ? [number(warnings, 'warning')] : [])].join(', ')}; begin at the top.`
  return warnings > 0 ? `Well, with ${number(warnings, 'warning')}.` : 'All is well.'
}
