/** Which event a trade is of that one place names by its id and another, where it has none, by its entry. Pure; as strandline.name_trade does it. */
import type { PositionClosed } from '../event.ts'

/** What names a trade. Times in ms. */
export type NamedTrade = Pick<
  PositionClosed,
  'event_id' | 'revision' | 'position_id' | 'trade_id' | 'opened_at' | 'closed_at'
>

/** Two programs note the exit of one trade so far apart at most. ms */
export const SAME_EXIT_MS = 600_000

interface Name {
  trade_id: string
  event_id: string
  closed_at: number
  /** Event of the trade that this is another name of. */
  same_as?: string
}

const nameOfEntry = (opened_at: number) => `entry-${opened_at}`

/** Its entry is known: where it is not, an event has its exit in that place. */
export const hasEntry = ({ revision, trade_id, opened_at, closed_at }: NamedTrade): boolean =>
  revision === 0 && (opened_at < closed_at || trade_id === nameOfEntry(opened_at))

/** Answers, trade by trade in the order in which they come, the event_id that each is known by from then on. */
export function createTradeNames(): (trade: NamedTrade) => string {
  const entries = new Map<string, Name[]>()
  return (trade) => {
    const { event_id, position_id, trade_id, opened_at, closed_at } = trade
    if (!hasEntry(trade)) return event_id
    const key = JSON.stringify([position_id, opened_at])
    const names = entries.get(key) ?? []
    entries.set(key, names)
    const known = names.find((name) => name.trade_id === trade_id)
    if (known) return known.same_as ?? known.event_id
    const derived = nameOfEntry(opened_at)
    const apart = (name: Name) => Math.abs(name.closed_at - closed_at)
    const [same] = names
      .filter(
        (name) =>
          !name.same_as &&
          (name.trade_id === derived) !== (trade_id === derived) &&
          apart(name) <= SAME_EXIT_MS &&
          !names.some((other) => other.same_as === name.event_id),
      )
      .sort((a, b) => apart(a) - apart(b) || Buffer.compare(Buffer.from(a.trade_id), Buffer.from(b.trade_id)))
    names.push({ trade_id, event_id, closed_at, same_as: same?.event_id })
    return same?.event_id ?? event_id
  }
}
