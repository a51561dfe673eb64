/** Numbers, times and sizes as a person reads them, with their unit. Pure. */
import type { OutcomeDefinition, OutcomeName } from '../domain/learning/outcome.ts'

/** Three decimals, or as many as it takes to see something; –: there is none. */
export function number(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–'
  const small = value !== 0 && Math.abs(value) < 10 ** -digits
  const text = small ? value.toPrecision(2) : value.toFixed(digits)
  return Number(text) === 0 ? (0).toFixed(digits) : text
}

/** The same without zeros at its end: sizes that a person gave are read as they were given. */
export const plain = (value: number | null | undefined, digits = 3): string =>
  number(value, digits)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')

export const count = (n: number): string => n.toLocaleString('en-US')
/** `1 trade`, `1,234 trades`. */
export const counted = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`
export const signed = (value: number | null | undefined, digits = 3): string =>
  value !== null && value !== undefined && value > 0 ? `+${number(value, digits)}` : number(value, digits)
export const percent = (share: number | null | undefined, digits = 0): string =>
  share === null || share === undefined ? '–' : `${(share * 100).toFixed(digits)} %`

/** `2026-05-01 13:20`, UTC. */
export const time = (iso: string): string => iso.slice(0, 16).replace('T', ' ')
/** `2026-05-01`. */
export const day = (iso: string): string => iso.slice(0, 10)

/** A moment of the address in ms; null: there is none, or it is no time, which the server says. */
export function moment(text: string | null | undefined): number | null {
  const ms = text ? Date.parse(text) : Number.NaN
  return Number.isNaN(ms) ? null : ms
}

/** `3 ms`, `12.0 s`, `4 min`, `5 h`, `3 days`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const s = ms / 1_000
  if (s < 120) return `${s.toFixed(s < 10 ? 1 : 0)} s`
  if (s < 7_200) return `${Math.round(s / 60)} min`
  if (s < 172_800) return `${Math.round(s / 3_600)} h`
  return `${Math.round(s / 86_400)} days`
}

export function bytes(n: number): string {
  for (const [size, unit] of [
    [1 << 30, 'GiB'],
    [1 << 20, 'MiB'],
    [1 << 10, 'KiB'],
  ] as const)
    if (n >= size) return `${(n / size).toFixed(1)} ${unit}`
  return `${n} bytes`
}

export interface OutcomeText {
  /** R/R, return, net return; for each unit of a measure: `return per risk_at_entry`. */
  title: string
  /** A number with its unit: returns are percent. */
  value(value: number | null | undefined): string
}

const TITLES: Record<OutcomeName, string> = { rr: 'R/R', return: 'return', net_return: 'net return' }

/** As the commands write it (cli/outcome-text.ts). */
export function outcomeText(outcome: OutcomeDefinition | null | undefined): OutcomeText {
  const { of, per } =
    typeof outcome === 'object' && outcome !== null ? outcome : { of: outcome ?? 'rr', per: undefined }
  const isPercent = per === undefined && of !== 'rr'
  return {
    title: per === undefined ? TITLES[of] : `${TITLES[of]} per ${per}`,
    value: (value) =>
      value === null || value === undefined ? '–' : isPercent ? `${number(value * 100)} %` : number(value),
  }
}
