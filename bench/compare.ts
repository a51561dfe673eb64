/** What changed between two results, and whether they can be compared at all. */
import { readFile } from 'node:fs/promises'
import { table } from '../cli/table.ts'
import { StrandlineError } from '../core/errors.ts'
import type { Machine } from './bench.ts'
import type { BenchOptions } from './context.ts'
import { type Figure, figuresOf, type PartialResult } from './figures.ts'
import { amount } from './statistics.ts'

export interface Change extends Omit<Figure, 'value'> {
  old: number
  new: number
  /** New by old. */
  ratio: number
}

/** Less than that is noise: the rounds of one run lie further apart. */
const NOISE = 0.05
const WIDTH = 80

/** A result of `bench --json`. Errors: USAGE. */
export async function readResult(file: string): Promise<PartialResult> {
  const wrong = (what: string, cause?: unknown) =>
    new StrandlineError('USAGE', `${file} ${what}.`, {
      todo: 'Give a file that `strandline bench --json` wrote.',
      cause,
    })
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw wrong('cannot be read', cause)
  })
  let result: PartialResult | null
  try {
    result = JSON.parse(text)
  } catch (cause) {
    throw wrong('is no JSON', cause)
  }
  if (typeof result?.machine !== 'object' || typeof result.options !== 'object')
    throw wrong('is no result of the benchmark')
  return result
}

/** Of what both have measured. */
export function changesBetween(old: PartialResult, now: PartialResult): Change[] {
  const before = new Map(figuresOf(old).map((f) => [`${f.name} ${f.unit}`, f.value]))
  return figuresOf(now).flatMap(({ value, ...figure }) => {
    const then = before.get(`${figure.name} ${figure.unit}`)
    return then === undefined || then === 0 ? [] : [{ ...figure, old: then, new: value, ratio: value / then }]
  })
}

/** Sentences: where two results come from different machines, engines or options. */
export function rigDifferences(old: PartialResult, now: PartialResult): string[] {
  const of = ({ machine, options }: PartialResult) => {
    // who else took part changes nobody's figures
    const { contenders: _, rates: __, ...rest } = options ?? ({} as BenchOptions)
    return { ...rounded(machine), ...rest }
  }
  const [before, after]: Record<string, unknown>[] = [of(old), of(now)]
  const show = (value: unknown) => (Array.isArray(value) ? value.join(',') : String(value ?? 'not said'))
  return [...new Set([...Object.keys(before!), ...Object.keys(after!)])]
    .filter((name) => show(before![name]) !== show(after![name]))
    .map((name) => `${name}: ${show(before![name])} then, ${show(after![name])} now`)
}

/** The kernel takes a little more or less of the memory each time it boots. */
const rounded = (machine?: Machine) =>
  machine && { ...machine, memory_gib: machine.memory_gib && Math.round(machine.memory_gib) }

export function compareText(old: PartialResult, now: PartialResult): string {
  const rigs = rigDifferences(old, now)
  const changes = changesBetween(old, now)
  const rows = changes.map((c) => [c.name, c.unit, amount(c.old), amount(c.new), `${amount(c.ratio)} ×`, verdictOf(c)])
  const columns = [
    { title: '  what changed' },
    { title: '' },
    ...['then', 'now', 'now / then'].map((title) => ({ title, align: 'right' as const })),
    { title: '' },
  ]
  return [
    ...(rigs.length === 0
      ? []
      : ['The rigs differ, so the figures may say nothing:', ...rigs.map((r) => `  ${r}`), '']),
    ...(rows.length === 0
      ? ['Nothing was measured in both.']
      : table(
          columns,
          rows.map(([name, ...rest]) => [`  ${name}`, ...rest]),
          WIDTH,
        )),
  ].join('\n')
}

export function verdictOf({ ratio, better }: Pick<Change, 'ratio' | 'better'>): '' | 'better' | 'WORSE' {
  if (Math.abs(ratio - 1) < NOISE) return ''
  return ratio > 1 === (better === 'higher') ? 'better' : 'WORSE'
}
