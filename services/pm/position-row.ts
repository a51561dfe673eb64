/** A row of lowcap_positions. */
export type PositionRow = Record<string, unknown> & { id: string; total_quantity: number; status: string }
