/** What is watched while a soak runs, and how much of it is growth. */

export type Measure = 'memory' | 'handles' | 'sockets' | 'connections' | 'wal' | 'table' | 'per trade'

export interface Bound {
  unit: string
  /** It may grow by so much an hour; as a share of its middle value where `relative`. */
  perHour: number
  /** What it goes up and down by anyway: grown by less while it was watched, it did not grow. */
  least: number
  relative?: boolean
}

/** A hundred bytes that stay of each trade are 36 MB an hour at a hundred trades a second. */
export const BOUNDS: Record<Measure, Bound> = {
  memory: { unit: 'MB', perHour: 36, least: 24 },
  handles: { unit: '', perHour: 12, least: 8 },
  sockets: { unit: '', perHour: 12, least: 8 },
  connections: { unit: '', perHour: 6, least: 8 },
  wal: { unit: 'MB', perHour: 64, least: 64 },
  table: { unit: 'MB', perHour: 1, least: 1 },
  'per trade': { unit: 'bytes a trade', perHour: 0.1, least: 0.03, relative: true },
}

/** The JVM takes what its heap may have (512 MB) as it comes to need it; PostgreSQL's sessions fill their caches. */
export const ENGINE_MEMORY: Bound = { unit: 'MB', perHour: 150, least: 64 }

/** Tables that keep something of each trade that was learned; those that are in neither list must not grow. */
export const TABLES_OF_TRADES = [
  'public.ad_strands',
  'public.learning_queue',
  'strandline.dead_letters',
  'strandline.learner_ledger',
  'strandline.learner_partials',
  'strandline.strands',
]

/** Tables that keep something of each close of a PM. */
export const TABLES_OF_CLOSES = [
  'public.lowcap_positions',
  'public.lowcap_price_data_ohlc',
  'strandline.pm_executions',
  'strandline.pm_outbox',
  'strandline.pm_provisional',
  'strandline.posted_trades',
  'strandline.renamed_revisions',
  'strandline.trade_entries',
  'strandline.trade_names',
]
