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
  name: string
  event_id: string
  closed_at: number
  /** Event of the trade that this is another name of. */
  same_as?: string
}

const nameOfEntry = (opened_at: number) => `entry-${opened_at}`

/** What its position calls a trade; one without an id (a file's) by its event. */
export const tradeName = ({ trade_id, event_id }: Pick<NamedTrade, 'trade_id' | 'event_id'>): string =>
  trade_id || event_id

/** Its entry is known: where it is not, an event has its exit in that place. */
export const hasEntry = ({ trade_id, opened_at, closed_at }: NamedTrade): boolean =>
  opened_at < closed_at || trade_id === nameOfEntry(opened_at)

/** Answers, trade by trade in the order in which they come, the event_id that each is known by from then on. */
export function createTradeNames(): (trade: NamedTrade) => string {
  const entries = new Map<string, Name[]>()
  const events = new Map<string, Name>()
  return (trade) => {
    const { event_id, position_id, opened_at, closed_at } = trade
    const noted = events.get(event_id)
    if (noted) return noted.same_as ?? noted.event_id
    if (!hasEntry(trade)) return event_id
    const key = JSON.stringify([position_id, opened_at])
    const names = entries.get(key) ?? []
    entries.set(key, names)
    const derived = nameOfEntry(opened_at)
    const own: Name = { name: tradeName(trade), event_id, closed_at }
    const apart = (name: Name) => Math.abs(name.closed_at - closed_at)
    const [same] = names
      .filter(
        (name) =>
          !name.same_as &&
          (name.name === derived) !== (own.name === derived) &&
          apart(name) <= SAME_EXIT_MS &&
          !names.some((other) => other.same_as === name.event_id),
      )
      .sort((a, b) => apart(a) - apart(b) || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
    own.same_as = same?.event_id
    if (names.some((name) => name.name === own.name)) return event_id
    names.push(own)
    events.set(event_id, own)
    return same?.event_id ?? event_id
  }
}
