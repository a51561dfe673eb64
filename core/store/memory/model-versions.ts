/** Model versions in memory: the rules of `strandline_learner_open_version`, `…_open_build`, `…_built`, `…_maintained`, `…_versions`, `…_is_active`, `…_activate`. */
import { learnedOutcome } from '../../../domain/learning/outcome.ts'
import type { ModelVersionStore, NamedModel, Switch } from '../model-versions.ts'
import { asJson, type MemoryDatabase } from './database.ts'
import { activeVersion, bytewise, consumerOf, learnedTables, type ModelVersionRow, openedRow } from './learned.ts'

export function createMemoryModelVersions(db: MemoryDatabase): ModelVersionStore {
  const { versions, partials } = learnedTables(db)
  const put = (row: ModelVersionRow) => versions.put(String(row.model_version), row)

  function makeActive(id: number, from: number | null = null, back = false): Switch {
    const version = versions.get(String(id))
    if (!version || version.dropping) return { status: 'unknown', previous: null }
    const before = activeVersion(db)
    const previous = before?.model_version ?? null
    if (from !== null && previous !== null && previous !== from) return { status: 'changed', previous }
    if (previous === id) return { status: 'ok', previous }
    if (before) put({ ...before, active: false })
    put({ ...version, active: true, previous: back ? version.previous : previous })
    return { status: 'ok', previous }
  }

  /** Of a model over a topic, those that are there. */
  const buildsOf = ({ hash, topic }: NamedModel) => versions.rows().filter((v) => v.hash === hash && v.topic === topic)

  const isSeen = (sums: number) => versions.rows().some((v) => v.active && v.sums === sums)

  /** A version whose sums are those of the model: of several, that whose sums readers see, else the newest. */
  const sameSums = ({ sums_hash, topic }: NamedModel): ModelVersionRow | undefined =>
    versions
      .rows()
      .filter((v) => v.sums_hash === sums_hash && v.topic === topic)
      .filter((v) => v.sums === v.model_version && !v.building && !v.dropping)
      .sort(
        (a, b) =>
          Number(isSeen(b.model_version)) - Number(isSeen(a.model_version)) || b.model_version - a.model_version,
      )[0]

  function add(named: NamedModel, building: boolean): ModelVersionRow {
    const id = db.nextId('model_versions')
    const { model, hash, topic, definition, sums_hash } = named
    const builds = Math.max(0, ...buildsOf(named).map((v) => v.build))
    const shared = builds === 0 ? sameSums(named) : undefined
    put({
      model_version: id,
      model,
      hash,
      build: 1 + builds,
      topic,
      definition: asJson(definition),
      sums_hash,
      sums: shared?.model_version ?? id,
      active: false,
      building: building && !shared,
      dropping: false,
      previous: null,
      created_at: new Date(db.now()).toISOString(),
    })
    if (activeVersion(db) === undefined) makeActive(id)
    return versions.get(String(id)) as ModelVersionRow
  }

  const opened = (row: ModelVersionRow) => openedRow(db, row)

  return {
    open: async (named) =>
      db.transaction(() => {
        const [found] = buildsOf(named)
          .filter((v) => !v.dropping)
          .sort(
            (a, b) =>
              Number(b.active) - Number(a.active) ||
              Number(a.building) - Number(b.building) ||
              b.model_version - a.model_version,
          )
        if (!found) return opened(add(named, false))
        if (found.building) put({ ...found, building: false })
        return opened(found)
      }),
    openBuild: async (named) =>
      db.transaction(() => {
        const [begun] = buildsOf(named)
          .filter((v) => v.building && !v.dropping)
          .sort((a, b) => b.model_version - a.model_version)
        return { ...opened(begun ?? add(named, true)), begun: begun !== undefined }
      }),
    built: async (id) =>
      db.transaction(() => {
        const version = versions.get(String(id))
        if (version?.building) put({ ...version, building: false })
      }),
    maintained: async (topic) => {
      const kept = versions.rows().filter((v) => v.topic === topic && !v.dropping && (v.active || !v.building))
      const owners = [...Map.groupBy(kept, (v) => v.sums)].map(([sums, readers]) => {
        const row = versions.get(String(sums)) as ModelVersionRow
        const { model, hash, definition } = row
        const models = [...new Set(readers.map((v) => v.model))].sort(bytewise)
        return { ...opened(row), model, hash, definition, active: readers.some((v) => v.active), models }
      })
      return asJson(owners.sort((a, b) => Number(b.active) - Number(a.active) || a.model_version - b.model_version))
    },
    list: async () =>
      versions
        .rows()
        .sort((a, b) => Number(b.active) - Number(a.active) || b.model_version - a.model_version)
        .map((row) => {
          const { definition, sums_hash: _, ...version } = row
          const baseline = partials
            .rows()
            .filter((p) => p.model_version === version.sums && p.name === 'global' && p.key === '')
          const n = baseline.reduce((sum, p) => sum + p.sums.n, 0)
          return { ...version, consumer: consumerOf(db, row), outcome: learnedOutcome(definition), n }
        }),
    isActive: async (sums) => isSeen(sums),
    activate: async (id, from = null, back = false) => db.transaction(() => makeActive(id, from, back)),
  }
}
