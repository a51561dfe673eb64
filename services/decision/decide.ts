/** An allocation from an entry context: which coefficients it touches, what is learned of them, and what follows. */
import { LRUCache } from 'lru-cache'
import { StrandlineError } from '../../core/errors.ts'
import { shippedModels } from '../../core/load-model.ts'
import { type CoefficientStore, createCoefficientStore } from '../../core/store/coefficient-store.ts'
import {
  type Baseline,
  evidenceIn,
  type Learned,
  type LearnedModel,
  learnedModel,
  readCoefficients,
} from '../../core/store/learned.ts'
import type { Store } from '../../core/store/store.ts'
import { checkEntryContext } from '../../domain/context.ts'
import { splitEntryContext } from '../../domain/event.ts'
import type { Model } from '../../domain/learning/model.ts'
import { learnedOutcome, type OutcomeDefinition } from '../../domain/learning/outcome.ts'
import { wellFormed } from '../../domain/limits.ts'
import {
  type Allocation,
  allocation,
  type CoefficientKey,
  checkSizing,
  product,
  type Sizing,
} from '../../domain/sizing/allocation.ts'
import { type ContextCheck, checkAgainstModel } from '../../domain/sizing/check-context.ts'
import { coefficientKeys, factorKeys, learnedFactors } from '../../domain/sizing/factors.ts'
import { type TimeframeShare, timeframeShares } from '../../domain/sizing/timeframes.ts'
import { whyText } from '../../domain/sizing/why.ts'
import { TIMEFRAMES } from '../../domain/timeframe.ts'
import type { Ask, Multiplier, Multipliers, PastAsk, PastSizing } from './multipliers.ts'

export interface AllocationRequest extends Sizing {
  /** Flat, as the PM writes it: strings are levers, numbers measures; mcap_at_entry and vol_at_entry in USD, age_at_entry in days. */
  entry_context: Record<string, unknown>
  /** The timeframe on which the position would run: its lever enters the product then. */
  timeframe?: string
  /** Size it as this model would, also where it is not the active one. */
  model?: string
}

export interface Decision extends Allocation, ContextCheck {
  /** Levers of the model of which the entry context says nothing. */
  unset_levers: string[]
  global_rr: Baseline
  /** Name of the model that was read; null while nothing is learned. */
  model: string | null
  /** Whether it is the active one: what answers who names none. */
  active: boolean
  /** What that model learns of a trade: rr, return, net_return, or {of, per}; the unit of rr_short, rr_long, edge and error. */
  outcome: OutcomeDefinition | null
  /** How to split the allocation where no timeframe was asked for: `allocation` is the share of it, in the same unit. */
  timeframes: (TimeframeShare & { allocation: number | null })[]
}

export interface TimeframeAnswer extends Pick<Decision, 'model' | 'active' | 'outcome'> {
  timeframes: TimeframeShare[]
  global_rr: Baseline
}

export interface DecisionMaker {
  /** @throws StrandlineError USAGE for a request that makes no sense, STORE_UNREACHABLE */
  allocate(request: AllocationRequest): Promise<Decision>
  /** @throws StrandlineError USAGE, naming the ask that makes no sense, and those of the past */
  multipliers(asks: readonly Ask[], model?: string): Promise<Multipliers>
  /** @throws StrandlineError USAGE for a model that nobody learned under, STORE_UNREACHABLE */
  timeframes(model?: string): Promise<TimeframeAnswer>
}

const TIMEFRAME_KEYS: CoefficientKey[] = TIMEFRAMES.map((key) => ({ scope: 'lever', name: 'timeframe', key }))

/** One allocation. Who wants many keeps a `createDecisionMaker`, which remembers the model. */
export const allocate = (store: Store, request: AllocationRequest): Promise<Decision> =>
  createDecisionMaker(createCoefficientStore(store)).allocate(request)

/** @param past without: only what is learned now can be asked for */
export function createDecisionMaker(store: CoefficientStore, past?: PastSizing): DecisionMaker {
  /** The versions that were read last, by the name that was asked for ('' for the active one). */
  const known = new LRUCache<string, LearnedModel>({ max: 20 })

  /** Reads the rows that the model asks for; a version that was switched in between is read again. */
  async function read(
    name: string | undefined,
    keysOf: (model: Model | null) => CoefficientKey[],
  ): Promise<{ model: Model | null; learned: Learned; keys: CoefficientKey[] }> {
    let version = known.get(name ?? '') ?? (await learnedModel(store, name))
    for (;;) {
      const model = version?.model ?? null
      const keys = keysOf(model)
      const learned = await readCoefficients(store, [...keys, ...TIMEFRAME_KEYS], name)
      if (learned.model_version === (version?.model_version ?? null)) {
        if (version) known.set(name ?? '', version)
        return { model, learned, keys }
      }
      version = await learnedModel(store, name)
    }
  }

  return {
    async allocate(request) {
      checkRequest(request)
      const { timeframe } = request
      const { model, learned, keys } = await read(request.model, (m) => (m ? keysOf(m, request) : []))
      const checked = checkAgainstModel(model?.definition ?? null, request.entry_context, timeframe)
      const factors = model ? factorKeys(model, keys) : []
      const evidence = evidenceIn(learned)
      const rows = model ? learnedFactors(model, factors, evidence) : []
      const answer = allocation(product(factors, rows, model?.definition ?? null), request)
      const levers = new Set(keys.map((k) => k.name))
      return {
        ...answer,
        ...checked,
        unset_levers: model?.definition.levers.map((l) => l.name).filter((name) => !levers.has(name)) ?? [],
        global_rr: learned.global_rr,
        model: model?.definition.name ?? null,
        active: learned.active,
        outcome: model && learnedOutcome(model.definition),
        timeframes: timeframeShares(model ? learnedFactors(model, TIMEFRAME_KEYS, evidence) : []).map((t) => ({
          ...t,
          allocation: timeframe === undefined ? t.share * answer.allocation : null,
        })),
      }
    },
    async multipliers(asks, name) {
      for (const [i, ask] of asks.entries()) checkAsk(ask, i)
      const { model, learned } = await read(name, (m) => (m ? keysOfAll(m, asks) : []))
      const definition = model?.definition ?? null
      const then: PastAsk[] = []
      const multipliers = asks.map((ask): Multiplier => {
        const { entry_context, timeframe, as_of } = ask
        checkAgainstModel(definition, entry_context, timeframe)
        if (as_of !== undefined) {
          then.push({ ...ask, as_of })
          return { multiplier: 1 }
        }
        const factors = model ? factorKeys(model, keysOf(model, ask)) : []
        const rows = model ? learnedFactors(model, factors, evidenceIn(learned)) : []
        const { multiplier, factors: told } = product(factors, rows, definition)
        return { multiplier, why: whyText(told) }
      })
      if (then.length > 0 && model) {
        if (!past)
          throw new StrandlineError(
            'USAGE',
            'This decision service looks into no log, so it cannot say what was known then.',
            {
              todo: 'Ask without as_of, or ask the decision service of a stack with its log.',
            },
          )
        const found = (await past.multipliers(then, name)).values()
        for (const [i, ask] of asks.entries())
          if (ask.as_of !== undefined) multipliers[i] = { multiplier: found.next().value as number }
      }
      return { model: definition?.name ?? null, active: learned.active, multipliers }
    },
    async timeframes(name) {
      const { model, learned } = await read(name, () => [])
      return {
        timeframes: timeframeShares(model ? learnedFactors(model, TIMEFRAME_KEYS, evidenceIn(learned)) : []),
        global_rr: learned.global_rr,
        model: model?.definition.name ?? null,
        active: learned.active,
        outcome: model && learnedOutcome(model.definition),
      }
    },
  }
}

/** Of what is asked for now, each once. */
function keysOfAll(model: Model, asks: readonly Ask[]): CoefficientKey[] {
  const found = new Map<string, CoefficientKey>()
  for (const ask of asks)
    if (ask.as_of === undefined)
      for (const key of keysOf(model, ask)) found.set(`${key.scope}\0${key.name}\0${key.key}`, key)
  return [...found.values()]
}

const keysOf = (
  model: Model,
  { entry_context, timeframe }: Pick<AllocationRequest, 'entry_context' | 'timeframe'>,
): CoefficientKey[] => coefficientKeys(model, { ...splitEntryContext(entry_context), timeframe: timeframe ?? '' })

/** The request may come from anywhere: nothing about it is taken for granted. */
function checkRequest(request: Partial<AllocationRequest> | null | undefined): asserts request is AllocationRequest {
  const { entry_context, timeframe, model, base, min, max } = request ?? {}
  checkEntry(entry_context, timeframe, 'The entry context')
  if (model !== undefined && typeof model !== 'string')
    throw new StrandlineError('USAGE', 'model is not a text.', { todo: 'Give the name of a model, or none.' })
  checkSizing({ base: base as number, min: min as number, max: max as number })
}

const checkAsk = ({ entry_context, timeframe }: Ask, index: number) =>
  checkEntry(entry_context, timeframe, `The entry context of ask ${index + 1}`)

/** @param what names the context in sentences */
function checkEntry(entry_context: unknown, timeframe: unknown, what: string): void {
  if (typeof entry_context !== 'object' || entry_context === null || Array.isArray(entry_context))
    throw new StrandlineError('USAGE', `${what} is not an object.`, {
      todo: 'Give a flat JSON object, e.g. {"curator": "0xdetweiler", "chain": "base", "mcap_at_entry": 1500000}.',
    })
  for (const [name, value] of Object.entries(entry_context))
    if (typeof value === 'object' && value !== null)
      throw new StrandlineError(
        'USAGE',
        `${what} is not flat: ${name} is ${Array.isArray(value) ? 'a list' : 'an object'}.`,
        {
          todo: 'Give strings (levers) and numbers (measures) only.',
        },
      )
  const wrong = checkEntryContext(entry_context as Record<string, unknown>, shippedModels())
  if (wrong)
    throw new StrandlineError('USAGE', `${what} ${wrong}.`, {
      todo: 'Give short texts and numbers; no trade with more is learned from.',
    })
  if (timeframe !== undefined && (typeof timeframe !== 'string' || !wellFormed(timeframe)))
    throw new StrandlineError('USAGE', 'timeframe is not a text.', {
      todo: `Use one of ${TIMEFRAMES.join(', ')}, or none.`,
    })
}
