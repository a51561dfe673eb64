/** Coefficients of a moment, for whoever reads coefficients from the database otherwise: `coefficients`, `allocate`. */
import type { CoefficientStore } from '../core/store/coefficient-store.ts'
import { coefficientsAt } from '../domain/history/coefficients-at.ts'
import type { Cut } from '../domain/history/cut.ts'
import type { OpenHistory } from './open-history.ts'

/** A version's number where it has none in the database. */
const UNNUMBERED = -1

export function createHistoryStore(opened: OpenHistory, cut: Cut): CoefficientStore {
  const { model, build, topic, active, history } = opened
  const { definition, hash } = model
  const model_version = opened.model_version ?? UNNUMBERED
  const { global_rr, coefficients } = coefficientsAt(history, opened.effective(cut), definition)
  const found = new Map(coefficients.map((c) => [`${c.name}\0${c.key}`, c]))
  return {
    list: async () => [],
    version: async () => ({ model_version, hash, build, topic, active, definition }),
    read: async (keys) => ({
      model_version,
      hash,
      active,
      global_rr: global_rr.n === 0 ? null : global_rr,
      rows: keys.flatMap(({ scope, name, key }) => {
        const row = found.get(`${name}\0${key}`)
        return row
          ? [{ scope, name, key, weight: row.weight, rr_short: row.rr_short, rr_long: row.rr_long, n: row.n }]
          : []
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
