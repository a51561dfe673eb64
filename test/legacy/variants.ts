/** The three old projects that the tests move: the same system as three people had set it up. */

export type VariantName = 'text' | 'uuid' | 'bigint'

export interface Variant {
  name: VariantName
  /** Type of the ids of positions, strands and queue rows. */
  id: 'text' | 'uuid' | 'bigint'
  /** Type of the columns that hold JSON. */
  json: 'jsonb' | 'json' | 'text'
  number: 'double precision' | 'numeric'
  time: 'timestamptz' | 'timestamp'
  /** What the key of learning_configs is called. */
  configKey: 'module' | 'module_id'
  /** Columns that this project never had, by table. */
  without: Record<string, string[]>
  /** `entry_context` and `completed_trades` are columns of ad_strands as well, and half of the strands use them. */
  topLevel: boolean
  /** ad_strands.position_id is a foreign key, so a strand whose position is gone has it in its content alone. */
  strandNeedsPosition: boolean
}

export const VARIANTS: Record<VariantName, Variant> = {
  text: {
    name: 'text',
    id: 'text',
    json: 'jsonb',
    number: 'double precision',
    time: 'timestamptz',
    configKey: 'module',
    without: {},
    topLevel: true,
    strandNeedsPosition: false,
  },
  uuid: {
    name: 'uuid',
    id: 'uuid',
    json: 'json',
    number: 'numeric',
    time: 'timestamptz',
    configKey: 'module_id',
    without: {
      ad_strands: ['position_id', 'trade_id', 'metadata'],
      learning_queue: ['error', 'processed_at'],
      lowcap_positions: ['closed_at'],
    },
    topLevel: false,
    strandNeedsPosition: false,
  },
  bigint: {
    name: 'bigint',
    id: 'bigint',
    json: 'text',
    number: 'double precision',
    time: 'timestamp',
    configKey: 'module',
    without: { lowcap_positions: ['avg_exit_price'], learning_queue: ['error'] },
    topLevel: true,
    strandNeedsPosition: true,
  },
}

export const has = ({ without }: Variant, table: string, column: string): boolean => !without[table]?.includes(column)
