/** Where each consumer stands in each partition, and who holds it: as `lag` prints it. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { ConsumerLag, PartitionLag } from '../../../core/lag/lag.ts'
import type { LoopState } from '../../../page/loop/state.ts'
import { count, duration, time } from '../../numbers.ts'
import { type Column, Table } from '../../ui/table.ts'

type Row = PartitionLag & { consumer: string }

const COLUMNS: Column<Row>[] = [
  { name: 'consumer', title: 'Consumer', cell: (r) => html`<span class="any">${r.consumer}</span>` },
  { name: 'partition', title: 'Partition', numeric: true, cell: (r) => r.partition },
  { name: 'end', title: 'Log end', numeric: true, cell: (r) => count(r.log_end) },
  {
    name: 'checkpoint',
    title: 'Checkpoint',
    numeric: true,
    cell: (r) => (r.checkpoint === null ? '–' : count(r.checkpoint)),
  },
  { name: 'behind', title: 'Behind', numeric: true, cell: (r) => count(r.lag_records) },
  {
    name: 'for',
    title: 'For',
    numeric: true,
    cell: (r) => (r.lag_records === 0 || r.lag_seconds === null ? '–' : duration(r.lag_seconds * 1_000)),
  },
  { name: 'letters', title: 'Dead letters', numeric: true, cell: (r) => count(r.dead_letters) },
  { name: 'committed', title: 'Committed (UTC)', cell: (r) => (r.committed_at === null ? '–' : time(r.committed_at)) },
  {
    name: 'holder',
    title: 'Held by',
    cell: (r) =>
      r.member === null ? html`<span class="bad">nobody</span>` : html`<span class="any">${r.holder ?? '–'}</span>`,
  },
]

export function Partitions({ state: { consumers } }: { state: LoopState }): VNode {
  const rows = consumers.flatMap(({ consumer, partitions }: ConsumerLag) =>
    partitions.map((p): Row => ({ ...p, consumer })),
  )
  return html`<details class="card">
    <summary>Each partition: checkpoint, lag, who holds it</summary>
    <${Table} caption="Where each consumer stands in each partition" columns=${COLUMNS} rows=${rows} keyOf=${(r: Row) => `${r.consumer} ${r.partition}`} />
  </details>` as VNode
}
