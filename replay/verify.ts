/**
 * Folds the log again, with no database in the fold, and compares the sums that the learner keeps with what came out, bit by bit.
 * It may run while trades flow: each page of sums comes with the checkpoint of its own moment, and the fold goes on to exactly there.
 */
import type { Config } from '../core/config.ts'
import { StrandlineError } from '../core/errors.ts'
import type { EventLog } from '../core/log/log.ts'
import { createCoefficientStore } from '../core/store/coefficient-store.ts'
import { unknownModel } from '../core/store/model-versions.ts'
import type { Store } from '../core/store/store.ts'
import type { GroupSums, LedgerFold } from '../domain/learning/ledger-fold.ts'
import { BASELINE, compileModel, type Group } from '../domain/learning/model.ts'
import { learnedOutcome, type OutcomeDefinition } from '../domain/learning/outcome.ts'
import { type Decay, type DecayedSums, decayOf, type Means, mergeSums } from '../domain/learning/sums.ts'
import { SUMS_AMOUNTS } from '../domain/learning/sums-table.ts'
import { createAuditStore } from '../services/audit/audit-store.ts'
import { readLetters } from '../services/audit/stores.ts'
import { createLogFold } from './log-fold.ts'
import { createSumsStore, FIRST, type SumsPlace, type SumsTuple } from './sums-store.ts'

export interface VerifyDeps {
  store: Store
  log: EventLog
  config: Pick<Config, 'registry'>
  progress?(done: number, total: number): void
}

export interface FoundDifference {
  scope: Group['scope']
  name: string
  key: string
  /** null: it has none. */
  live: Means | null
  expected: Means | null
  /** Events behind what differs, the first of them. */
  trades: string[]
}

export interface Verification {
  model: { name: string; hash: string; build: number; active: boolean; outcome: OutcomeDefinition }
  /** Records that were folded. */
  events: number
  /** Coefficients that there should be, the baseline among them. */
  coefficients: number
  /** Those whose sums are the same to the last bit. */
  identical: number
  /** Those that were corrected through another partition, where the order of the log does not decide: equal to 1e-12. */
  within_tolerance: number
  differences: FoundDifference[]
}

/** Relative, where the order of the log does not decide. */
const TOLERANCE = 1e-12
/** Rows of one page: about 100 ms. */
const PAGE = 10_000
/** Trades that are named for a difference. */
const NAMED = 20

/** What was found of some coefficients. */
export type Found = Pick<Verification, 'coefficients' | 'identical' | 'within_tolerance' | 'differences'>

/** A fold of the log beside the sums of one model version. */
export interface Verifier {
  model: Verification['model']
  model_version: number
  /** Records that were folded so far. */
  events(): number
  /**
   * Compares the sums behind a place with the log up to where their learner stood when they were read.
   * null: the learner went back behind what was folded (a database that crashed or was restored), or a replay has applied what was passed over as a dead
   * letter; begin anew with another verifier.
   */
  page(after: SumsPlace, size: number): Promise<{ found: Found; next: SumsPlace | null } | null>
}

/** @param name without: the active model. Errors: USAGE (no such model), NOTHING_LEARNED, and those of database, log and registry. */
export async function openVerifier({ store, log, config, progress }: VerifyDeps, name?: string): Promise<Verifier> {
  const versions = createCoefficientStore(store)
  const version = await versions.version(name ?? null)
  if (!version) {
    if (name !== undefined) throw unknownModel(name, await versions.list())
    throw new StrandlineError('NOTHING_LEARNED', 'No learner ever ran here, so there is nothing to verify.', {
      todo: 'Run one: ./strandline up.',
    })
  }
  const { topic, hash, build, active, model_version, consumer } = version
  const model = compileModel(version.definition, hash)
  const letters = createAuditStore(store)
  const refused = new Set<string>()
  const logFold = createLogFold({ log, registry: config.registry, topic, model, refused, progress })
  const tau = decayOf(model.definition.tau_days)
  const sums = createSumsStore(store)
  let expected: Expected | undefined
  /** Notes the letters that there are; false: one that was noted is none any more. */
  async function passOver(): Promise<boolean> {
    const now = await readLetters(letters, topic, consumer)
    for (const place of refused) if (!now.has(place)) return false
    for (const place of now.keys()) refused.add(place)
    return true
  }
  return {
    model: { name: model.definition.name, hash, build, active, outcome: learnedOutcome(model.definition) },
    model_version,
    events: logFold.events,
    async page(after, size) {
      // a letter is there before the checkpoint behind it; one that a replay has applied since, in the sums or not, is there no more
      if (!expected) await passOver()
      const page = await sums.page(version, after, size)
      if (logFold.isBeyond(page.checkpoints) || !(await passOver())) return null
      if ((await logFold.upTo(page.checkpoints)) || !expected) expected = expectedOf(logFold.fold)
      const found: Found = { coefficients: 0, identical: 0, within_tolerance: 0, differences: [] }
      compare(page.rows, expected.between(after, page.next), logFold.fold, tau, found)
      return { found, next: page.next }
    },
  }
}

/** Every coefficient. @param name without: the active model. Errors: as openVerifier. */
export async function verify(deps: VerifyDeps, name?: string): Promise<Verification> {
  for (;;) {
    const verifier = await openVerifier(deps, name)
    const all: Found = { coefficients: 0, identical: 0, within_tolerance: 0, differences: [] }
    let after: SumsPlace | null = FIRST
    while (after !== null) {
      const page: Awaited<ReturnType<Verifier['page']>> = await verifier.page(after, PAGE)
      if (!page) break
      addFound(all, page.found)
      after = page.next
    }
    if (after === null) return { model: verifier.model, events: verifier.events(), ...all }
  }
}

export function addFound(all: Found, { coefficients, identical, within_tolerance, differences }: Found): void {
  all.coefficients += coefficients
  all.identical += identical
  all.within_tolerance += within_tolerance
  all.differences.push(...differences)
}

interface Expected {
  /** Groups behind the first place, up to the second one; null: to the end. */
  between(after: SumsPlace, upTo: SumsPlace | null): GroupSums[][]
}

function expectedOf(fold: LedgerFold): Expected {
  const groups = new Map<string, GroupSums[]>()
  for (const cell of fold.sums()) {
    if (cell.sums.n === 0) continue
    const known = groups.get(idOf(cell.group))
    if (known) known.push(cell)
    else groups.set(idOf(cell.group), [cell])
  }
  const placed = [...groups.values()]
    .map((cells) => ({ cells, place: placeBytes((cells[0] as GroupSums).group) }))
    .sort((a, b) => byPlace(a.place, b.place))
  return {
    between(after, upTo) {
      const [from, to] = [placeBytes(after), upTo && placeBytes(upTo)]
      return placed.slice(firstBehind(placed, from), to ? firstBehind(placed, to) : undefined).map(({ cells }) => cells)
    },
  }
}

interface Place {
  key: Buffer
  name: Buffer
}

const placeBytes = ({ key, name }: SumsPlace): Place => ({ key: Buffer.from(key), name: Buffer.from(name) })

/** The order of the pages: that of the database's collation "C". */
const byPlace = (a: Place, b: Place) => Buffer.compare(a.key, b.key) || Buffer.compare(a.name, b.name)

function firstBehind(sorted: readonly { place: Place }[], place: Place): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (byPlace((sorted[middle] as { place: Place }).place, place) > 0) high = middle
    else low = middle + 1
  }
  return low
}

const idOf = ({ name, key }: Pick<Group, 'name' | 'key'>) => `${name}\0${key}`

type Cell = Pick<GroupSums, 'partition' | 'period' | 'sums'>

function compare(
  rows: readonly SumsTuple[],
  expected: readonly GroupSums[][],
  fold: LedgerFold,
  tau: Decay,
  found: Found,
): void {
  const live = liveGroups(rows)
  const differ = (group: Group, is: readonly Cell[], should: readonly Cell[]) => {
    const [one, other] = [is.length ? mergeSums(is, tau) : null, should.length ? mergeSums(should, tau) : null]
    if (one && other && fold.crossed(group) && isClose(one, other)) found.within_tolerance += counted(group)
    else found.differences.push({ ...group, live: one, expected: other, trades: tradesBehind(fold, group, is, should) })
  }
  for (const should of expected) {
    const { group } = should[0] as GroupSums
    const is = live.get(idOf(group))?.cells ?? []
    live.delete(idOf(group))
    found.coefficients += counted(group)
    if (areSame(is, should)) found.identical += counted(group)
    else differ(group, is, should)
  }
  for (const { group, cells } of live.values()) differ(group, cells, [])
}

/** The squares of the baseline are compared, and are no coefficient. */
const counted = ({ scope, key }: Group): number => (scope === 'global' && key !== BASELINE.key ? 0 : 1)

function liveGroups(rows: readonly SumsTuple[]): Map<string, { group: Group; cells: Cell[] }> {
  const groups = new Map<string, { group: Group; cells: Cell[] }>()
  for (const [scope, name, key, partition, period, n, ...amounts] of rows) {
    if (n === 0) continue
    const sums = { n, newest: 0 } as DecayedSums
    for (const [i, amount] of SUMS_AMOUNTS.entries()) sums[amount] = amounts[i] as number
    const id = idOf({ name, key })
    const known = groups.get(id)
    if (known) known.cells.push({ partition, period, sums })
    else groups.set(id, { group: { scope, name, key }, cells: [{ partition, period, sums }] })
  }
  for (const { cells } of groups.values()) cells.sort((a, b) => a.partition - b.partition || a.period - b.period)
  return groups
}

const areSame = (is: readonly Cell[], should: readonly Cell[]) =>
  is.length === should.length && is.every((cell, i) => isSame(cell, should[i] as Cell))

const isSame = (a: Cell, b: Cell) =>
  a.partition === b.partition &&
  a.period === b.period &&
  a.sums.n === b.sums.n &&
  SUMS_AMOUNTS.every((amount) => a.sums[amount] === b.sums[amount])

const isClose = (a: Means, b: Means) =>
  a.n === b.n &&
  (['rr_short', 'rr_long'] as const).every((f) => Math.abs(a[f] - b[f]) <= TOLERANCE * Math.max(1, Math.abs(b[f])))

/** Trades of the group that lie where the sums differ. */
function tradesBehind(fold: LedgerFold, group: Group, is: readonly Cell[], should: readonly Cell[]): string[] {
  const same = new Set(
    should
      .filter((cell) => is.some((o) => o.partition === cell.partition && o.period === cell.period && isSame(o, cell)))
      .map((cell) => cell as GroupSums),
  )
  const differing = (partition: number) => should.some((c) => c.partition === partition && !same.has(c as GroupSums))
  const ids: string[] = []
  for (const trade of fold.trades()) {
    if (ids.length === NAMED) break
    if (trade.groups.some((g) => g.name === group.name && g.key === group.key) && differing(trade.partition))
      ids.push(trade.id)
  }
  return ids
}
