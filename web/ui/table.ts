/** A table. Of many rows only those in sight are in the document; the rest is room. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

export interface Column<Row> {
  /** Unique; what `sort` names. */
  name: string
  title: string
  /** Numbers stand at the right. */
  numeric?: boolean
  sortable?: boolean
  cell(row: Row): unknown
}

export interface TableProps<Row> {
  /** For those who hear it. */
  caption: string
  columns: Column<Row>[]
  /** undefined: not here yet. */
  rows: readonly (Row | undefined)[]
  keyOf(row: Row): string
  sort?: { name: string; descending: boolean }
  onSort?(name: string): void
  /** Of the table, where there are more rows than are here. */
  total?: number
  /** Called with the first row in sight that is not here yet. */
  onMissing?(from: number): void
}

const ROW_HEIGHT = 33
const BEYOND = 10
/** Up to so many rows all are in the document: pages are searched and printed. */
const WHOLE = 200

export function Table<Row>(props: TableProps<Row>): VNode {
  const { caption, columns, rows, keyOf, sort, onSort, total = rows.length, onMissing } = props
  const box = useRef<HTMLDivElement>(null)
  const [range, setRange] = useState({ from: 0, to: 60 })
  const isVirtual = total > WHOLE
  const look = () => {
    const { scrollTop, clientHeight } = box.current as HTMLDivElement
    const from = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - BEYOND)
    const to = Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + BEYOND
    setRange((before) => (before.from === from && before.to === to ? before : { from, to }))
  }
  const to = Math.min(total, range.to)
  const from = Math.min(range.from, Math.max(0, total - 1))
  useEffect(() => {
    for (let i = from; isVirtual && i < to; i++) if (rows[i] === undefined) return onMissing?.(i)
  }, [isVirtual, from, to, rows])
  const shown = isVirtual ? Array.from({ length: Math.max(0, to - from) }, (_, i) => rows[from + i]) : rows
  const room = (height: number) =>
    height > 0 &&
    html`<tr aria-hidden="true" class="room"><td colspan=${columns.length} style=${{ height: `${height}px` }}></td></tr>`
  return html`<div class=${isVirtual ? 'table virtual' : 'table'} ref=${box} onScroll=${isVirtual ? look : undefined} tabindex=${isVirtual ? 0 : undefined} role=${isVirtual ? 'region' : undefined} aria-label=${isVirtual ? caption : undefined}>
    <table aria-rowcount=${isVirtual ? total + 1 : undefined}>
      <caption class="unseen">${caption}</caption>
      <thead><tr>${columns.map((c) => html`<${Heading} column=${c} sort=${sort} onSort=${onSort} />`)}</tr></thead>
      <tbody>
        ${isVirtual && room(from * ROW_HEIGHT)}
        ${shown.map(
          (row, i) =>
            html`<tr key=${row === undefined ? `missing ${from + i}` : keyOf(row)} aria-rowindex=${isVirtual ? from + i + 2 : undefined}>${
              row === undefined
                ? html`<td colspan=${columns.length} class="quiet">…</td>`
                : columns.map((c) => html`<td class=${c.numeric ? 'numeric' : undefined}>${c.cell(row)}</td>`)
            }</tr>`,
        )}
        ${isVirtual && room((total - from - shown.length) * ROW_HEIGHT)}
      </tbody>
    </table>
  </div>` as VNode
}

function Heading<Row>({
  column,
  sort,
  onSort,
}: Pick<TableProps<Row>, 'sort' | 'onSort'> & { column: Column<Row> }): VNode {
  const { name, title, numeric, sortable } = column
  const direction = sort?.name !== name ? undefined : sort.descending ? 'descending' : 'ascending'
  const arrow = direction === 'descending' ? ' ▾' : direction === 'ascending' ? ' ▴' : ''
  return html`<th scope="col" class=${numeric ? 'numeric' : undefined} aria-sort=${direction}>
    ${sortable && onSort ? html`<button type="button" class="plain" onClick=${() => onSort(name)}>${title}${arrow}</button>` : title}
  </th>` as VNode
}
