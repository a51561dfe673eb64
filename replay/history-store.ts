/** Coefficients of a moment, for whoever reads coefficients from the database otherwise: `coefficients`, `allocate`. */
import type { CoefficientStore } from '../core/store/coefficient-store.ts'
import { evidenceAt } from '../domain/history/coefficients-at.ts'
import type { Cut } from '../domain/history/cut.ts'
import { BASELINE, SQUARES } from '../domain/learning/model.ts'
import { learnedFrom } from '../domain/learning/offline.ts'
import type { OpenHistory } from './open-history.ts'

/** A version's number where it has none in the database. */
const UNNUMBERED = -1

export function createHistoryStore(opened: OpenHistory, cut: Cut): CoefficientStore {
  const { model, build, topic, active, history } = opened
  const { definition, hash } = model
  const model_version = opened.model_version ?? UNNUMBERED
  const evidence = evidenceAt(history, opened.effective(cut), definition)
  const { global_rr, coefficients } = learnedFrom(model, evidence)
  const idOf = ({ name, key }: { name: string; key: string }) => `${name}\0${key}`
  const weights = new Map(coefficients.map((c) => [idOf(c), c.weight]))
  const found = new Map(evidence.map((e) => [idOf(e.group), e.evidence]))
  return {
    list: async () => [],
    version: async () => ({ model_version, hash, build, topic, active, definition }),
    read: async (keys) => ({
      model_version,
      hash,
      active,
      global_rr: global_rr.n === 0 ? null : global_rr,
      baseline: found.get(idOf(BASELINE)) ?? null,
      squares: found.get(idOf(SQUARES)) ?? null,
      rows: keys.flatMap((key) => {
        const row = found.get(idOf(key))
        return row ? [{ ...key, weight: weights.get(idOf(key)) as number, ...row }] : []
      }),
    }),
    page: async ({ scope, name, minN }) => ({
      rows: coefficients.filter(
        (c) => (scope === null || c.scope === scope) && (name === null || c.name === name) && c.n >= minN,
      ),
      next: null,
      model_version,
    }),
  }
}
