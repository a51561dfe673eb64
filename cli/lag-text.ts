/** Lag for a terminal. */
import type { ConsumerLag, LagReport, PartitionLag } from '../core/lag/lag.ts'
import { type Column, table } from './table.ts'

const COLUMNS: Column[] = [
  { title: 'partition', align: 'right' },
  { title: 'log start', align: 'right' },
  { title: 'end', align: 'right' },
  { title: 'committed', align: 'right' },
  { title: 'database', align: 'right' },
  { title: 'lag', align: 'right' },
  { title: 'age', align: 'right' },
  { title: 'dead', align: 'right' },
  { title: 'epoch', align: 'right' },
  { title: 'holder' },
  { title: 'member' },
]

export function lagText(report: LagReport): string {
  if (report.groups.length === 0)
    return `Nobody has read ${report.topic} yet: no consumer has a checkpoint in the database.`
  return report.groups.map(groupText).join('\n\n')
}

function groupText(g: ConsumerLag): string {
  const head = `${g.group}  (${g.consumer}${g.active ? '' : ', not active'}; ${g.state}, ${members(g)} working)`
  const total = `${g.lag_records} records behind, oldest ${age(g.lag_seconds)}; ${g.dead_letters} dead letters${reasons(g)}`
  return [head, total, ...table(COLUMNS, g.partitions.map(row))].join('\n')
}

const members = (g: ConsumerLag) => new Set(g.partitions.map((p) => p.member?.id).filter(Boolean)).size

function row(p: PartitionLag): string[] {
  const offset = (value: number | null) => (value === null ? '–' : String(value))
  return [
    String(p.partition),
    String(p.log_start),
    String(p.log_end),
    offset(p.committed),
    offset(p.checkpoint),
    String(p.lag_records),
    age(p.lag_seconds),
    String(p.dead_letters),
    String(p.epoch),
    p.holder ?? '–',
    p.member ? `${p.member.id.slice(0, 24)}@${p.member.host.replace(/^\//, '')}` : '–',
  ]
}

function reasons({ dead_letters_by_reason }: ConsumerLag): string {
  const parts = Object.entries(dead_letters_by_reason).map(([reason, count]) => `${reason} ${count}`)
  return parts.length > 0 ? ` (${parts.join(', ')})` : ''
}

/** A time span as a person reads it. */
export function age(seconds: number | null): string {
  if (seconds === null) return '?'
  if (seconds === 0) return '0'
  if (seconds < 120) return `${seconds.toFixed(1)} s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`
  if (seconds < 172_800) return `${(seconds / 3_600).toFixed(1)} h`
  return `${(seconds / 86_400).toFixed(1)} d`
}
