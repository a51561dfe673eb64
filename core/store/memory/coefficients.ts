/** What is learned, in memory: the rules of `strandline_decision_*`. */

import { BASELINE, compileModel, SQUARES } from '../../../domain/learning/model.ts'
import type { GroupEvidence } from '../../../domain/learning/offline.ts'
import type { LearnedRow, StoredCoefficients } from '../coefficient-store.ts'
import { namesVersion } from '../version-name.ts'
import { asJson, keyOf, type MemoryDatabase } from './database.ts'
import {
  activeVersion,
  baselineOf,
  evidenceNamed,
  evidenceOf,
  learnedTables,
  type ModelVersionRow,
  onPage,
  openedRow,
  pageEnd,
} from './learned.ts'
import { createMemoryModelVersions } from './model-versions.ts'

export function createMemoryCoefficients(db: MemoryDatabase): StoredCoefficients {
  /** The version that a reader means. */
  function meant(model: string | null): ModelVersionRow | undefined {
    if (model === null) return activeVersion(db)
    return learnedTables(db)
      .versions.rows()
      .filter((v) => !v.dropping && namesVersion(model, v))
      .sort(
        (a, b) =>
          Number(b.model === model) - Number(a.model === model) ||
          Number(b.active) - Number(a.active) ||
          Number(a.building) - Number(b.building) ||
          b.model_version - a.model_version,
      )[0]
  }
  return {
    list: createMemoryModelVersions(db).list,
    async version(model) {
      const version = meant(model)
      if (!version) return null
      const { hash, topic, definition } = version
      return asJson({ ...openedRow(db, version), hash, topic, definition })
    },
    async read(keys, model) {
      const version = meant(model)
      if (!version) {
        const nothing = { global_rr: null, baseline: null, squares: null, rows: [] }
        return { model_version: null, hash: null, active: false, ...nothing }
      }
      const groups = evidenceOf(db, version)
      const rows = keys.flatMap(({ scope, name, key }): LearnedRow[] => {
        const evidence = evidenceNamed(groups, { scope, name, key })
        return evidence ? [{ scope, name, key, ...evidence }] : []
      })
      const { model_version, hash, active } = version
      const [baseline, squares] = [evidenceNamed(groups, BASELINE), evidenceNamed(groups, SQUARES)]
      return asJson({ model_version, hash, active, global_rr: baselineOf(db, version), baseline, squares, rows })
    },
    async page({ scope, name, minN, model, modelVersion }, after, size) {
      const upto = pageEnd(db, after, size)
      const version = modelVersion === null ? meant(model) : learnedTables(db).versions.get(String(modelVersion))
      const groups = version ? evidenceOf(db, version) : []
      const rows = groups
        .flatMap(({ group: { scope, name, key }, evidence }): LearnedRow[] =>
          scope === 'global' ? [] : [{ scope, name, key, ...evidence }],
        )
        .filter((c) => onPage(c.key, after, upto) && c.n >= minN)
        .filter((c) => (scope === null || c.scope === scope) && (name === null || c.name === name))
      return asJson({
        rows,
        members: version ? membersOf(version, groups, rows) : [],
        baseline: evidenceNamed(groups, BASELINE),
        squares: evidenceNamed(groups, SQUARES),
        next: upto,
        model_version: modelVersion ?? version?.model_version ?? null,
      })
    },
  }
}

/** The lever values of which interactions are made, where these are weighed against them. */
function membersOf(
  { definition, hash }: ModelVersionRow,
  groups: readonly GroupEvidence[],
  rows: readonly LearnedRow[],
): LearnedRow[] {
  if (definition.rule !== 'shrunk') return []
  const model = compileModel(definition, hash)
  const members = new Map(
    rows
      .filter((row) => row.scope === 'interaction')
      .flatMap((row) => model.members(row))
      .map((member) => [keyOf(member.name, member.key), member]),
  )
  return [...members.values()].flatMap(({ name, key }) => {
    const evidence = evidenceNamed(groups, { scope: 'lever', name, key })
    return evidence ? [{ scope: 'lever' as const, name, key, ...evidence }] : []
  })
}
