/** What `migrate` adds to tables that are there before it: columns that they lack, indexes, a trigger. test/doctor/ compares it with what it did add. */
import type { SharedName, TableFacts } from './shared-tables.ts'

const COLUMNS: Partial<Record<SharedName, string[]>> = {
  lowcap_positions: [
    'side',
    'bought_quantity',
    'sold_quantity',
    'regime_context',
    'last_activity_timestamp',
    'flat_since',
    'settled_entry',
  ],
  learning_queue: ['processed_at'],
}
const INDEXES: Partial<Record<SharedName, string[]>> = {}
const TRIGGERS: Partial<Record<SharedName, string[]>> = { lowcap_positions: ['strandline_touch_position'] }

/** The columns, indexes and triggers that the table would get, as `the column side`. */
export function touched(t: Pick<TableFacts, 'name' | 'columns' | 'indexes' | 'triggers'>): string[] {
  return additions(t).map(({ kind, object }) => `the ${kind} ${object}`)
}

export function additions(
  t: Pick<TableFacts, 'name' | 'columns' | 'indexes' | 'triggers'>,
): { kind: string; object: string }[] {
  const lacks = (wanted: string[] = [], there: string[]) => wanted.filter((name) => !there.includes(name))
  return [
    ...lacks(
      COLUMNS[t.name],
      t.columns.map((c) => c.name),
    ).map((object) => ({ kind: 'column', object })),
    ...lacks(INDEXES[t.name], t.indexes).map((object) => ({ kind: 'index', object })),
    ...lacks(
      TRIGGERS[t.name],
      t.triggers.map((g) => g.name),
    ).map((object) => ({ kind: 'trigger', object })),
  ]
}
