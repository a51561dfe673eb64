/** Coefficients of a moment, for whoever reads coefficients from the database otherwise: `coefficients`, `allocate`. */
import type { CoefficientStore, LearnedRow } from '../core/store/coefficient-store.ts'
import { evidenceAt } from '../domain/history/coefficients-at.ts'
import type { Cut } from '../domain/history/cut.ts'
import { BASELINE, type Group, SQUARES } from '../domain/learning/model.ts'
import type { CoefficientKey } from '../domain/sizing/allocation.ts'
import type { OpenHistory } from './open-history.ts'

/** A version's number where it has none in the database. */
const UNNUMBERED = -1

export function createHistoryStore(opened: OpenHistory, cut: Cut): CoefficientStore {
  const { model, build, topic, active, history } = opened
  const { definition, hash } = model
  const model_version = opened.model_version ?? UNNUMBERED
  const evidence = evidenceAt(history, opened.effective(cut), definition)
  const found = new Map(evidence.map((e) => [idOf(e.group), e.evidence]))
  const of = (group: Pick<Group, 'name' | 'key'>) => found.get(idOf(group)) ?? null
  const [baseline, squares] = [of(BASELINE), of(SQUARES)]
  const rowOf = ({ scope, name, key }: CoefficientKey): LearnedRow[] => {
    const evidence = of({ name, key })
    return evidence ? [{ scope, name, key, ...evidence }] : []
  }
  return {
    list: async () => [],
    version: async () => ({ model_version, hash, build, topic, active, definition }),
    read: async (keys) => ({
      model_version,
      hash,
      active,
      global_rr: baseline && { rr_short: baseline.rr_short, rr_long: baseline.rr_long, n: baseline.n },
      baseline,
      squares,
      rows: keys.flatMap(rowOf),
    }),
    page: async ({ scope, name, minN }) => ({
      rows: evidence
        .map(({ group, evidence }) => ({ ...group, ...evidence }))
        .filter((row): row is LearnedRow => row.scope !== 'global')
        .filter((row) => (scope === null || row.scope === scope) && (name === null || row.name === name))
        .filter((row) => row.n >= minN),
      // all of them: what is not asked for costs nothing here
      members: evidence.flatMap(({ group: { scope, name, key } }) =>
        scope === 'lever' ? rowOf({ scope, name, key }) : [],
      ),
      baseline,
      squares,
      next: null,
      model_version,
    }),
  }
}

const idOf = ({ name, key }: { name: string; key: string }) => `${name}\0${key}`
