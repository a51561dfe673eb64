/** Model versions in memory: the rules of `strandline_learner_open_version`, `…_versions`, `…_is_active`, `…_activate`. */
import type { ModelVersionStore } from '../model-versions.ts'
import { asJson, type MemoryDatabase } from './database.ts'
import { activeVersion, learnedTables } from './learned.ts'

export function createMemoryModelVersions(db: MemoryDatabase): ModelVersionStore {
  const { versions, partials } = learnedTables(db)

  function makeActive(id: number): { status: 'ok' | 'unknown'; previous: number | null } {
    const version = versions.get(String(id))
    if (!version) return { status: 'unknown', previous: null }
    const before = activeVersion(db)
    if (before) versions.put(String(before.model_version), { ...before, active: false })
    versions.put(String(id), { ...version, active: true })
    return { status: 'ok', previous: before?.model_version ?? null }
  }

  return {
    open: async ({ model, hash, definition, topic }) =>
      db.transaction(() => {
        const id = db.nextId('model_versions') // also where it is not needed, as in PostgreSQL
        let found = versions.rows().find((v) => v.hash === hash && v.topic === topic)
        if (!found) {
          const created_at = new Date(db.now()).toISOString()
          found = { model_version: id, model, hash, topic, definition: asJson(definition), active: false, created_at }
          versions.put(String(id), found)
        }
        const first = activeVersion(db) === undefined
        if (first) makeActive(found.model_version)
        return { model_version: found.model_version, active: first || found.active }
      }),
    list: async () =>
      versions
        .rows()
        .sort((a, b) => Number(b.active) - Number(a.active) || b.model_version - a.model_version)
        .map(({ definition: _, ...version }) => {
          const baseline = partials
            .rows()
            .filter((p) => p.model_version === version.model_version && p.name === 'global' && p.key === '')
          return { ...version, n: baseline.reduce((sum, p) => sum + p.sums.n, 0) }
        }),
    isActive: async (id) => versions.get(String(id))?.active === true,
    activate: async (id) => db.transaction(() => makeActive(id)),
  }
}
