/** Model versions in memory: the rules of `strandline_learner_open_version`, `…_open_build`, `…_built`, `…_maintained`, `…_versions`, `…_is_active`, `…_activate`. */
import { learnedOutcome } from '../../../domain/learning/outcome.ts'
import type { ModelVersionStore, NamedModel, Switch } from '../model-versions.ts'
import { asJson, type MemoryDatabase } from './database.ts'
import { activeVersion, learnedTables, type ModelVersionRow } from './learned.ts'

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

  function add(named: NamedModel, building: boolean): ModelVersionRow {
    const id = db.nextId('model_versions')
    const { model, hash, topic, definition } = named
    const build = 1 + Math.max(0, ...buildsOf(named).map((v) => v.build))
    put({
      model_version: id,
      model,
      hash,
      build,
      topic,
      definition: asJson(definition),
      active: false,
      building,
      dropping: false,
      previous: null,
      created_at: new Date(db.now()).toISOString(),
    })
    if (activeVersion(db) === undefined) makeActive(id)
    return versions.get(String(id)) as ModelVersionRow
  }

  const opened = ({ model_version, active, build }: ModelVersionRow) => ({ model_version, active, build })

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
    maintained: async (topic) =>
      asJson(
        versions
          .rows()
          .filter((v) => v.topic === topic && !v.dropping && (v.active || !v.building))
          .sort((a, b) => Number(b.active) - Number(a.active) || a.model_version - b.model_version)
          .map(({ model_version, model, hash, build, definition, active }) => ({
            model_version,
            model,
            hash,
            build,
            definition,
            active,
          })),
      ),
    list: async () =>
      versions
        .rows()
        .sort((a, b) => Number(b.active) - Number(a.active) || b.model_version - a.model_version)
        .map(({ definition, ...version }) => {
          const baseline = partials
            .rows()
            .filter((p) => p.model_version === version.model_version && p.name === 'global' && p.key === '')
          return { ...version, outcome: learnedOutcome(definition), n: baseline.reduce((sum, p) => sum + p.sums.n, 0) }
        }),
    isActive: async (id) => versions.get(String(id))?.active === true,
    activate: async (id, from = null, back = false) => db.transaction(() => makeActive(id, from, back)),
  }
}
