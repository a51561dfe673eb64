/** What was seen, as the table of docs/exactly-once.md. A run of some guards replaces their rows and leaves the others. */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { StrandlineError } from '../../core/errors.ts'
import type { Checked } from './check.ts'
import { GUARDS } from './declared/index.ts'

const DOC = fileURLToPath(new URL('../../docs/exactly-once.md', import.meta.url))
const BEGIN = '<!-- guards: node test/guards/guards.ts --all --write -->'
const END = '<!-- end of guards -->'
const HEAD = ['| taken out | without it | tests that fail | schedules that fail |', '|---|---|---|---|']

/** @param before the row that stands there: what was not run now is taken from it */
export function rowOf({ guard, tests, schedules, tortured }: Checked, before?: string): string {
  const [, , seen = '', found = NOT_RUN] = before ? cellsOf(before) : []
  const files = new Set(tests.filter((t) => t.failed > 0).map((t) => `\`${t.file}\``))
  for (const { file } of guard.tests.filter(
    (t) => !tests.some(({ name }) => name === t.name) && seen.includes(`\`${t.file}\``),
  ))
    files.add(`\`${file}\``)
  if (tortured?.found || seen.includes(TORTURE)) files.add(TORTURE)
  const ran = schedules && `${schedules.failed.length} of ${schedules.of.toLocaleString('en-US')}`
  const without = guard.schedules === 0 ? `none: ${guard.note}` : (ran ?? found)
  return `| ${[guard.name, guard.without, [...files].join(', '), without].join(' | ')} |`
}

const NOT_RUN = 'not run yet'
const TORTURE = '`./strandline torture`'
const cellsOf = (row: string): string[] => row.replace(/^\| | \|$/g, '').split(' | ')
const nameOf = (row: string): string => cellsOf(row)[0]!

/** Error: USAGE, where the place of the table is not there. */
export async function writeTable(checked: readonly Checked[]): Promise<void> {
  const doc = await readFile(DOC, 'utf8')
  const { before, rows, after } = split(doc)
  const known = new Map(rows.map((row) => [nameOf(row), row]))
  for (const one of checked) known.set(one.guard.name, rowOf(one, known.get(one.guard.name)))
  const ordered = GUARDS.flatMap(({ name }) => known.get(name) ?? [])
  await writeFile(DOC, [before, ...HEAD, ...ordered, after].join('\n'))
}

/** Names in the table as it stands. */
export const namesInTable = async (): Promise<string[]> => split(await readFile(DOC, 'utf8')).rows.map(nameOf)

function split(doc: string): { before: string; rows: string[]; after: string } {
  const [begin, end] = [doc.indexOf(BEGIN), doc.indexOf(END)]
  if (begin === -1 || end < begin)
    throw new StrandlineError('USAGE', `docs/exactly-once.md has no place for the table of guards.`, {
      todo: `Write the lines ${BEGIN} and ${END} into it.`,
    })
  const rows = doc
    .slice(begin + BEGIN.length, end)
    .split('\n')
    .filter((line) => line.startsWith('|') && !HEAD.includes(line))
  return { before: doc.slice(0, begin + BEGIN.length), rows, after: doc.slice(end) }
}
