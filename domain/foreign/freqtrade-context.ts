/** What a trade of Freqtrade looked like at entry, as models/freqtrade.json reads it: the same from a backtest and from a running bot. Pure. */

const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

export interface FreqtradeEntry {
  strategy: string
  pair: string
  /** Empty: the strategy gave none. */
  enter_tag: string
  /** ms */
  opened_at: number
}

/** Hour and weekday are those of the entry, UTC. */
export function freqtradeLevers({ strategy, pair, enter_tag, opened_at }: FreqtradeEntry): Record<string, string> {
  const opened = new Date(opened_at)
  return {
    strategy,
    pair,
    ...(enter_tag ? { enter_tag } : {}),
    hour: String(opened.getUTCHours()).padStart(2, '0'),
    weekday: WEEKDAYS[opened.getUTCDay()]!,
  }
}
