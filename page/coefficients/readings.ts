/**
 * Coefficients of any moment, quickly. Those of a past moment are folded from the history, in turns, and kept as long as the log has nothing more. Those of now
 * are read from the database, as `coefficients` does, and kept until a checkpoint moves; reading all of very many takes seconds, so then the history up to
 * the checkpoints says which there are and in which order, and the database the numbers of those that are shown.
 */
import type { Clock } from '../../core/clock.ts'
import { createCheckpointStore } from '../../core/store/checkpoint-store.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { evidenceIn, readCoefficients, readLearned } from '../../core/store/learned.ts'
import type { Store } from '../../core/store/store.ts'
import { coefficientsInSteps } from '../../domain/history/coefficients-at.ts'
import type { Cut } from '../../domain/history/cut.ts'
import { createGroupOrder, type GroupOrder } from '../../domain/history/group-order.ts'
import type { TradeHistory } from '../../domain/history/trade-history.ts'
import { type WeighedLog, type WeighedRow, weighedRow } from '../../domain/learning/offline.ts'
import { createWeigher } from '../../domain/learning/weigher.ts'
import type { CoefficientKey } from '../../domain/sizing/allocation.ts'
import { coefficientsHead } from '../../replay/answers.ts'
import { cutOf, momentJson, type NamedMoment, namesMoment } from '../../replay/moment.ts'
import type { OpenHistory } from '../../replay/open-history.ts'
import type { Histories } from '../histories.ts'
import { inTurns } from '../turns.ts'
import { createKept } from './kept.ts'
import { type Reading, reading } from './reading.ts'

/** Rows of all readings together; one takes about 250 bytes. */
const ROOM = 400_000
/** More coefficients than so many are not all read from the database for the sake of a page. */
const MANY = 20_000
/** A reading of now answers for so long without another look. */
const FRESH_MS = 1_000
/** As long as it is worth waiting for the history before everything is read from the database. */
const PATIENCE_MS = 500

const NOW: NamedMoment = {}

export interface Readings {
  /** @param all every row is asked for, as the database has it. Errors: as readLearned's and openHistory's. */
  at(model: string | undefined, moment: NamedMoment, all?: boolean): Promise<Reading>
}

export function createReadings(
  { store, histories, clock }: { store: Store; histories: Histories; clock: Clock },
  many = MANY,
): Readings {
  const coefficients = createCoefficientStore(store)
  const checkpoints = createCheckpointStore(store)
  const kept = createKept<Reading>(ROOM, ({ rows }) => rows.length)
  const numberOf = createNumbers()
  const orders = new WeakMap<TradeHistory, GroupOrder>()
  /** By version: the last one of now, and how many rows there were. */
  const newest = new Map<number, { reading: Reading; began: number }>()
  const sizes = new Map<number, number>()

  function folded({ history, model, effective }: OpenHistory, cut: Cut): Promise<WeighedLog> {
    const order = orders.get(history) ?? createGroupOrder(history)
    orders.set(history, order)
    return inTurns(coefficientsInSteps(history, effective(cut), model, order))
  }

  async function past(name: string | undefined, moment: NamedMoment): Promise<Reading> {
    const opened = await histories.open(name)
    const cut = cutOf(moment, opened.ends)
    const named = momentJson(moment, cut)
    const key = JSON.stringify([
      numberOf(opened.history),
      versionKey(opened),
      named,
      [...opened.ends],
      [...opened.refused],
    ])
    return kept.get(key, async () => {
      const { coefficients: rows, global_rr, spread } = await folded(opened, cut)
      return reading(key, coefficientsHead({ version: versionOf(opened), global_rr, spread }, named), rows)
    })
  }

  async function now(name: string | undefined, all: boolean): Promise<Reading> {
    const began = clock.now()
    const version = await coefficients.version(name ?? null)
    if (!version) {
      const { rows, ...found } = await readLearned(coefficients, { model: name }) // nothing is learned, or there is no such model
      return reading('nothing', coefficientsHead(found, momentJson(NOW, {})), rows)
    }
    const { model_version, active } = version
    const last = newest.get(model_version)
    if (last && began - last.began < FRESH_MS && last.reading.head.active === active && !(all && last.reading.exact))
      return last.reading
    const stands = await checkpoints.list(version.consumer, version.topic)
    const at = [...stands.map((s): [number, number] => [s.partition, s.checkpoint ?? 0])]
    const size = sizes.get(model_version)
    const keyed = (listing: boolean) => JSON.stringify(['now', model_version, active, at, listing])
    // where readers were switched meanwhile, the head says so; for a second it is of the version before
    const read = () => kept.get(keyed(false), () => whole(keyed(false), name))
    const list = (opened: OpenHistory) =>
      opened.history.groupCount <= many ? read() : kept.get(keyed(true), () => listed(keyed(true), opened, name, at))
    const found = await (all || (size !== undefined && size <= many) ? read() : soonest(name, size, read, list))
    sizes.set(model_version, found.rows.length)
    newest.set(model_version, { reading: found, began })
    return found
  }

  /** All of it from the database. */
  async function whole(key: string, name: string | undefined): Promise<Reading> {
    const { rows, ...found } = await readLearned(coefficients, { model: name })
    return reading(key, coefficientsHead(found, momentJson(NOW, {})), rows)
  }

  /** Which there are, up to the checkpoints; their numbers, when they are shown. Few of them are read at once. */
  async function listed(
    key: string,
    opened: OpenHistory,
    name: string | undefined,
    at: [number, number][],
  ): Promise<Reading> {
    const { model, model_version } = opened
    const { coefficients: rows, global_rr, spread } = await folded(opened, { below: new Map(at) })
    const headOf = (of: { global_rr: typeof global_rr; spread: number | null }) =>
      coefficientsHead({ version: versionOf(opened), ...of }, momentJson(NOW, {}))
    return reading(key, headOf({ global_rr, spread }), rows, async (shown) => {
      const members = model.definition.rule === 'shrunk' ? shown.flatMap((row) => model.members(row)) : []
      const keys = [...new Map([...shown, ...members].map((of) => [`${of.name}\0${of.key}`, keyOf(of)])).values()]
      const read = await readCoefficients(coefficients, keys, name)
      if (read.model_version !== model_version) return { head: headOf({ global_rr, spread }), rows: [...shown] } // switched meanwhile
      const weigher = createWeigher(model, evidenceIn(read))
      const exact = new Map(read.rows.map((row) => [`${row.name}\0${row.key}`, row]))
      return {
        head: headOf({ global_rr: read.global_rr, spread: weigher.spread }),
        rows: shown.map((row): WeighedRow => {
          const found = exact.get(`${row.name}\0${row.key}`)
          return found ? weighedRow(model, weigher, found, found) : row
        }),
      }
    })
  }

  /** From the history, where that is at hand; else whichever comes first: it may be read for a minute yet, or not at all. */
  async function soonest(
    name: string | undefined,
    size: number | undefined,
    read: () => Promise<Reading>,
    list: (opened: OpenHistory) => Promise<Reading>,
  ): Promise<Reading> {
    const opening = histories.open(name)
    opening.catch(() => undefined)
    if (size !== undefined) {
      const opened = await Promise.race([opening.catch(() => undefined), clock.sleep(PATIENCE_MS)])
      if (opened) return list(opened)
    }
    const reading = read()
    reading.catch(() => undefined) // the other one may be there by then
    return Promise.race([reading, opening.then(list).catch(() => reading)])
  }

  return { at: (model, moment, all = false) => (namesMoment(moment) ? past(model, moment) : now(model, all)) }
}

const keyOf = ({ scope, name, key }: Pick<WeighedRow, 'scope' | 'name' | 'key'>): CoefficientKey => ({
  scope: scope as CoefficientKey['scope'],
  name,
  key,
})
const versionOf = ({ model, model_version, build, active }: OpenHistory) => ({
  model,
  model_version: model_version ?? -1,
  build,
  active,
})
const versionKey = ({ model, build, active, topic }: OpenHistory) => [model.hash, build, active, topic]

/** A number for each object, as long as it lives. */
function createNumbers(): (one: object) => number {
  const numbers = new WeakMap<object, number>()
  let next = 0
  return (one) => {
    const known = numbers.get(one)
    if (known !== undefined) return known
    numbers.set(one, next)
    return next++
  }
}
