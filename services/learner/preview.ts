/** What readers would see of a switch: two versions, coefficient by coefficient. Both are read page by page, so that neither must fit into memory. */
import type { Baseline, CoefficientStore } from '../../core/store/coefficient-store.ts'
import { type LearnedModel, learnedModel, weighPage } from '../../core/store/learned.ts'
import type { ModelVersion } from '../../core/store/model-versions.ts'
import type { CoefficientRow } from '../../domain/learning/offline.ts'
import { learnedOutcome, type OutcomeDefinition } from '../../domain/learning/outcome.ts'

export interface Value {
  weight: number
  rr_short: number | null
  rr_long: number | null
  n: number
}

export interface Move extends Pick<CoefficientRow, 'scope' | 'name' | 'key'> {
  before: Value
  after: Value
  /** The weight's, as a share of what it was: 0.1 is 10 % more. */
  change: number
}

export interface Preview {
  /** Coefficients of the one and of the other. */
  before: number
  after: number
  /** Only the second has them; only the first has them; the weight moves by more than a tenth; and all that both have. */
  appear: number
  vanish: number
  move: number
  both: number
  /** The largest moves, first. */
  largest: Move[]
  global_rr: { before: Baseline; after: Baseline }
  /** What each of the two learns; null: readers see nothing yet. */
  outcome: { before: OutcomeDefinition | null; after: OutcomeDefinition | null }
}

const MOVED = 0.1
const LARGEST = 20
/** Partials of one page, about. */
const PAGE = 10_000
const NOTHING: Baseline = { rr_short: null, rr_long: null, n: 0 }

/** @param from null: readers see nothing yet. Errors: STORE_UNREACHABLE. */
export async function previewSwitch(
  store: CoefficientStore,
  from: ModelVersion | null,
  to: ModelVersion,
  counted: (coefficients: number) => void = () => {},
  pageSize = PAGE,
): Promise<Preview> {
  const [old, next] = [await modelOf(store, from), await modelOf(store, to)]
  const outcomeOf = (of: LearnedModel | null) => of && learnedOutcome(of.model.definition)
  const preview: Preview = {
    before: 0,
    after: 0,
    appear: 0,
    vanish: 0,
    move: 0,
    both: 0,
    largest: [],
    global_rr: { before: await baselineOf(store, from), after: await baselineOf(store, to) },
    outcome: { before: outcomeOf(old), after: outcomeOf(next) },
  }
  for (let after: string | null = ''; after !== null; counted(preview.before + preview.after)) {
    const [a, b]: [Page, Page] = await Promise.all([
      pageOf(store, old, after, pageSize),
      pageOf(store, next, after, pageSize),
    ])
    // a page ends at a key, which may be another one for the second of them: learners go on meanwhile
    const upto = lower(a.next, b.next)
    compare(preview, a.rows.filter(within(upto)), b.rows.filter(within(upto)))
    after = upto
  }
  return preview
}

function compare(preview: Preview, before: CoefficientRow[], after: CoefficientRow[]): void {
  const old = new Map(before.map((row) => [id(row), row]))
  preview.before += before.length
  preview.after += after.length
  for (const row of after) {
    const was = old.get(id(row))
    if (!was) {
      preview.appear++
      continue
    }
    old.delete(id(row))
    preview.both++
    const change = row.weight / was.weight - 1
    if (Math.abs(change) > MOVED) preview.move++
    if (change === 0) continue
    const { scope, name, key } = row
    preview.largest.push({ scope, name, key, before: numbersOf(was), after: numbersOf(row), change })
  }
  preview.vanish += old.size
  preview.largest.sort((a, b) => size(b) - size(a) || leversFirst(a, b)).splice(LARGEST)
}

/** An interaction of one lever moves as far as that lever does. */
const leversFirst = (a: Move, b: Move) => Number(a.scope !== 'lever') - Number(b.scope !== 'lever')
/** Twice as much and half as much are as far. */
const size = ({ change }: Move) => Math.abs(Math.log1p(change))
const id = ({ scope, name, key }: CoefficientRow) => JSON.stringify([scope, name, key])
const numbersOf = ({ weight, rr_short, rr_long, n }: CoefficientRow): Value => ({ weight, rr_short, rr_long, n })

const bytewise = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const lower = (a: string | null, b: string | null) => (a === null ? b : b === null ? a : bytewise(a, b) <= 0 ? a : b)
const within = (upto: string | null) => (row: CoefficientRow) => upto === null || bytewise(row.key, upto) <= 0

interface Page {
  rows: CoefficientRow[]
  next: string | null
}

async function pageOf(store: CoefficientStore, of: LearnedModel | null, after: string, size: number): Promise<Page> {
  if (!of) return { rows: [], next: null }
  const asked = { scope: null, name: null, minN: 0, model: null, modelVersion: of.model_version }
  const page = await store.page(asked, after, size)
  return { rows: weighPage(of.model, page).rows, next: page.next }
}

const modelOf = (store: CoefficientStore, version: ModelVersion | null): Promise<LearnedModel | null> =>
  version ? learnedModel(store, exactName(version)) : Promise.resolve(null)

const baselineOf = async (store: CoefficientStore, version: ModelVersion | null): Promise<Baseline> =>
  (version && (await store.read([], exactName(version))).global_rr) ?? NOTHING

/** Names this version alone. */
const exactName = ({ hash, build }: ModelVersion) => `${hash}.r${build}`
