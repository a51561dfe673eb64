/**
 * What `migrate` asks of a table that is there before it, and what it adds: the list of supabase/migrations/…_adoption.sql, which adoption.test.ts compares it
 * with; test/doctor/ compares what is foretold with what was added.
 */
import type { ColumnFacts, SharedName, TableFacts } from './shared-tables.ts'

/** `text`: what can be written as one; `word`: what is one. */
export type Needs = 'key' | 'text' | 'word' | 'number' | 'time' | 'moment' | 'json'

export interface AdoptedColumn {
  table: SharedName
  column: string
  needs: Needs
  /** It is made where it is missing; else its lack is in the way. */
  made: boolean
}

const columns = (table: SharedName, made: boolean, needs: Needs, names: string): AdoptedColumn[] =>
  names.split(' ').map((column) => ({ table, column, needs, made }))

export const ADOPTED: AdoptedColumn[] = [
  ...columns('lowcap_positions', false, 'key', 'id'),
  ...columns('lowcap_positions', false, 'word', 'timeframe'),
  ...columns('lowcap_positions', false, 'number', 'total_quantity'),
  ...columns('lowcap_positions', true, 'text', 'status token_chain token_contract token_ticker current_trade_id side'),
  ...columns('lowcap_positions', true, 'number', 'avg_entry_price avg_exit_price bought_quantity sold_quantity'),
  ...columns(
    'lowcap_positions',
    true,
    'time',
    'first_entry_timestamp closed_at updated_at last_activity_timestamp settled_entry',
  ),
  ...columns('lowcap_positions', true, 'moment', 'flat_since'),
  ...columns('lowcap_positions', true, 'json', 'entry_context completed_trades regime_context'),
  ...columns('lowcap_price_data_ohlc', false, 'word', 'token_contract chain timeframe'),
  ...columns('lowcap_price_data_ohlc', false, 'moment', 'timestamp'),
  ...columns('lowcap_price_data_ohlc', false, 'number', 'low_usd high_usd'),
  ...columns('ad_strands', false, 'key', 'id'),
  ...columns('ad_strands', false, 'text', 'kind'),
  ...columns('ad_strands', false, 'json', 'content'),
  ...columns('learning_queue', false, 'key', 'id strand_id'),
  ...columns('learning_queue', false, 'text', 'strand_type status'),
  ...columns('learning_configs', false, 'json', 'config_data'),
]

const KEYS = ['text', 'character varying', 'uuid', 'bigint', 'integer']
/** Of pg_type.typcategory: strings, enumerations, numbers. */
const [STRING, ENUM, NUMBER] = ['S', 'E', 'N']

export function fits({ base, group }: Pick<ColumnFacts, 'base' | 'group'>, needs: Needs): boolean {
  switch (needs) {
    case 'key':
      return KEYS.includes(base)
    case 'text':
      return [STRING, ENUM, NUMBER].includes(group) || base === 'uuid'
    case 'word':
      return group === STRING
    case 'number':
      return group === NUMBER
    case 'json':
      return base === 'jsonb' || base === 'json' || group === STRING
    case 'time':
      return base.startsWith('timestamp with') || group === STRING
    case 'moment':
      return base.startsWith('timestamp with')
  }
}

/** Whether we write the column, so that it must not be a generated one. */
export const writes = ({ table, column }: Pick<AdoptedColumn, 'table' | 'column'>): boolean =>
  table === 'learning_queue'
    ? column === 'status'
    : table !== 'lowcap_price_data_ohlc' && !(table === 'lowcap_positions' && column === 'id')

/** How a sentence calls what is needed. */
export const CALLED: Record<Needs, string> = {
  key: `a key (${KEYS.join(', ')})`,
  text: 'a text',
  word: 'a text (text, varchar)',
  number: 'a number',
  json: 'JSON (jsonb, json or text)',
  time: 'a time (timestamp or text)',
  moment: 'a time (timestamp)',
}

const INDEXES: Partial<Record<SharedName, string[]>> = {
  lowcap_positions: ['strandline_positions_running'],
  ad_strands: ['strandline_strands_foreign'],
  learning_queue: ['strandline_queue_closed', 'strandline_queue_strand'],
  lowcap_price_data_ohlc: ['strandline_bars'],
}
const TRIGGERS: Partial<Record<SharedName, string[]>> = { lowcap_positions: ['strandline_touch_position'] }
const BARS = ['chain', 'timeframe', 'timestamp', 'token_contract']

type Adoptable = Pick<TableFacts, 'name' | 'columns' | 'indexes' | 'triggers' | 'index_columns'>

export interface Addition {
  kind: 'column' | 'index' | 'trigger'
  object: string
}

/** What the table would get. */
export function additions(t: Adoptable): Addition[] {
  const has = (column: string) => t.columns.some((c) => c.name === column)
  const missing = ADOPTED.filter((a) => a.table === t.name && a.made && !has(a.column)).map((a) => a.column)
  const barsFound = t.index_columns.some((names) => [...names.slice(0, 4)].sort().join() === BARS.join())
  const indexes = (INDEXES[t.name] ?? []).filter(
    (name) => !t.indexes.includes(name) && !(name === 'strandline_bars' && barsFound),
  )
  const triggers = (TRIGGERS[t.name] ?? []).filter((name) => !t.triggers.some((g) => g.name === name))
  return [
    ...missing.map((object): Addition => ({ kind: 'column', object })),
    ...indexes.map((object): Addition => ({ kind: 'index', object })),
    ...triggers.map((object): Addition => ({ kind: 'trigger', object })),
  ]
}

/** As `the columns side and flat_since`, `the index …`. */
export function touched(t: Adoptable): string[] {
  const all = additions(t)
  return (['column', 'index', 'trigger'] as const).flatMap((kind) => {
    const names = all.filter((a) => a.kind === kind).map((a) => a.object)
    const many = kind === 'index' ? 'indexes' : `${kind}s`
    return names.length === 0 ? [] : [`the ${names.length === 1 ? kind : many} ${names.join(', ')}`]
  })
}
