/** The coefficients, each with its bar, in the order that the heading names. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { count, number, type OutcomeText, outcomeText, percent, signed } from '../../numbers.ts'
import { address, navigate, withQuery } from '../../router.ts'
import { temperature } from '../../temperature.ts'
import type { Pages } from '../../ui/pages.ts'
import { type Column, Table } from '../../ui/table.ts'
import { scaleOf, WeightBar, weightRange } from '../../ui/weight-bar.ts'
import type { Coefficient, CoefficientsAnswer } from './answers.ts'

interface TableProps {
  answer: CoefficientsAnswer
  pages: Pages<CoefficientsAnswer, Coefficient>
  query: URLSearchParams
}

export function CoefficientTable({ answer, pages, query }: TableProps): VNode {
  const name = query.get('sort') ?? 'name'
  const descending = query.has('order') ? query.get('order') === 'desc' : name !== 'name'
  const sortBy = (column: string) => {
    const turned = column === name ? !descending : column !== 'name'
    navigate(
      withQuery({
        sort: column === 'name' ? null : column,
        order: turned === (column !== 'name') ? null : turned ? 'desc' : 'asc',
      }),
    )
  }
  if (pages.total === 0)
    return html`<p class="notice">No coefficient matches: take a filter away, or <a href=${withQuery({ name: null, search: null, min_n: null })}>all of them</a>.</p>` as VNode
  return html`<${Table} caption="Coefficients" columns=${columnsOf(answer, pages, query)} rows=${pages.rows} total=${pages.total}
    keyOf=${(row: Coefficient) => `${row.scope} ${row.name} ${row.key}`} sort=${{ name, descending }} onSort=${sortBy} onMissing=${pages.need} />` as VNode
}

function columnsOf(
  answer: CoefficientsAnswer,
  { rows }: TableProps['pages'],
  query: URLSearchParams,
): Column<Coefficient>[] {
  const outcome = outcomeText(answer.model?.outcome)
  const here = rows.filter((row) => row !== undefined)
  const scale = scaleOf(here)
  const reach = reachOf(here)
  const isTrusted = here.every((row) => row.trust === 1)
  const numeric = true
  const sortable = true
  return [
    { name: 'name', title: 'Coefficient', sortable, cell: (row) => html`<${Name} row=${row} query=${query} />` },
    {
      name: 'weight',
      title: 'Weight, around 1',
      sortable,
      cell: (row) =>
        html`<span class="bar"><${WeightBar} weight=${row.weight} range=${weightRange(row.edge, row.error, scale)} other=${row.against?.weight} reach=${reach} /> <strong>${number(row.weight)}</strong></span>`,
    },
    ...(answer.against ? against() : []),
    { name: 'n', title: 'n', numeric, sortable, cell: (row) => count(row.n) },
    { name: 'edge', title: 'Edge ± 1 σ', numeric, sortable, cell: (row) => edgeText(outcome, row) },
    ...(isTrusted
      ? []
      : [{ name: 'trust', title: 'Believed', numeric, sortable, cell: (row: Coefficient) => percent(row.trust) }]),
    {
      name: 'rr_short',
      title: `${outcome.title}, short`,
      numeric,
      sortable,
      cell: (row) => outcome.value(row.rr_short),
    },
    { name: 'rr_long', title: 'long', numeric, sortable, cell: (row) => outcome.value(row.rr_long) },
    {
      name: 'temperature',
      title: 'Of late',
      cell: (row) => {
        const word = temperature(row.rr_short, row.rr_long, answer.least_difference)
        return word === 'steady' ? '' : html`<span class=${`tag ${word}`}>${word}</span>`
      },
    },
  ]
}

const against = (): Column<Coefficient>[] => [
  {
    name: 'against',
    title: '◆ Compared',
    numeric: true,
    cell: ({ against: other }) => (other ? number(other.weight) : '–'),
  },
  {
    name: 'moved',
    title: 'Moved',
    numeric: true,
    sortable: true,
    cell: ({ weight, against: other }) => `× ${number(weight / (other?.weight ?? 1))}`,
  },
  { name: 'n_against', title: 'n compared', numeric: true, cell: ({ against: other }) => count(other?.n ?? 0) },
]

function Name({ row: { scope, name, key }, query }: { row: Coefficient; query: URLSearchParams }): VNode {
  const moment = Object.fromEntries(['model', 'as_of', 'at_time', 'at_offset'].map((n) => [n, query.get(n)]))
  return html`<span class="coefficient-name">${scope === 'interaction' && query.get('scope') === 'interaction' ? '' : html`<span class="tag any">${name}</span>`} <a class="any" title=${key} href=${address('/coefficient', { name, key, ...moment })}>${key}</a></span>` as VNode
}

const edgeText = (outcome: OutcomeText, { edge, error }: Coefficient) =>
  `${signed(edge).startsWith('+') ? '+' : ''}${outcome.value(edge)}${error === null ? '' : ` ± ${outcome.value(error)}`}`

/** The widest bar, with its comparison; never less than from a half to two. */
function reachOf(rows: Coefficient[]): number {
  let reach = Math.LN2
  for (const { weight, against: other } of rows)
    for (const w of [weight, other?.weight ?? 1]) if (w > 0) reach = Math.max(reach, Math.abs(Math.log(w)))
  return Math.min(reach, 5)
}
