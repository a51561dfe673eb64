/** What the registry knows: the fold of its topic. Pure; `apply` is the only way to change it. */
import { schemaNotFound, subjectNotFound, versionNotFound } from './errors.ts'
import type { Reference, RegistryRecord, SchemaValue } from './records.ts'

export const DEFAULT_LEVEL = 'BACKWARD'
export const DEFAULT_MODE = 'READWRITE'

export class RegistryState {
  readonly #subjects = new Map<string, Map<number, SchemaValue>>()
  readonly #levels = new Map<string | null, string>()
  readonly #modes = new Map<string | null, string>()
  /** Largest id ever seen: an id is never given twice. */
  maxId = 0

  apply(record: RegistryRecord): void {
    switch (record.type) {
      case 'schema': {
        const { subject, version, value } = record
        const versions = this.#subjects.get(subject) ?? new Map<number, SchemaValue>()
        if (value) {
          this.maxId = Math.max(this.maxId, value.id)
          versions.set(version, value)
        } else versions.delete(version)
        if (versions.size > 0) this.#subjects.set(subject, versions)
        else this.#subjects.delete(subject)
        return
      }
      case 'delete-subject': {
        const versions = this.#subjects.get(record.subject)
        for (const [version, value] of versions ?? [])
          if (version <= record.version) versions!.set(version, { ...value, deleted: true })
        return
      }
      case 'level':
        set(this.#levels, record.subject, record.level)
        return
      case 'mode':
        set(this.#modes, record.subject, record.mode)
    }
  }

  subjects(withDeleted: boolean): string[] {
    return [...this.#subjects.keys()].filter((s) => this.versions(s, withDeleted).length > 0).sort()
  }

  /** All schemas of a subject by rising version; empty when there is none. */
  versions(subject: string, withDeleted: boolean): SchemaValue[] {
    return [...(this.#subjects.get(subject)?.values() ?? [])]
      .filter((v) => withDeleted || !v.deleted)
      .sort((a, b) => a.version - b.version)
  }

  /** The schema of a version, or of the latest one. Errors: 40401, 40402. */
  version(subject: string, version: number | 'latest', withDeleted: boolean): SchemaValue {
    const versions = this.versions(subject, withDeleted)
    if (versions.length === 0) throw subjectNotFound(subject)
    const found = version === 'latest' ? versions.at(-1) : versions.find((v) => v.version === version)
    if (!found) throw versionNotFound(version)
    return found
  }

  /** Everything that carries the id, deleted ones too: records written with it must stay readable. */
  withId(id: number): SchemaValue[] {
    return this.all().filter((v) => v.id === id)
  }

  all(): SchemaValue[] {
    return [...this.#subjects.keys()].flatMap((s) => this.versions(s, true))
  }

  /** The version of a subject that is this schema. Errors: 40401, 40403. */
  lookUp(subject: string, same: (value: SchemaValue) => boolean, withDeleted: boolean): SchemaValue {
    const versions = this.versions(subject, withDeleted)
    if (versions.length === 0) throw subjectNotFound(subject)
    const found = versions.findLast(same)
    if (!found) throw schemaNotFound()
    return found
  }

  /** Ids of the schemas that refer to a version. */
  referencedBy({ subject, version }: Pick<Reference, 'subject' | 'version'>): number[] {
    const refers = (v: SchemaValue) =>
      v.references?.some((r) => r.subject === subject && r.version === version) === true
    return [
      ...new Set(
        this.all()
          .filter((v) => !v.deleted && refers(v))
          .map((v) => v.id),
      ),
    ].sort((a, b) => a - b)
  }

  /** The level set for the subject itself (null: the global one), or undefined. */
  ownLevel(subject: string | null): string | undefined {
    return this.#levels.get(subject)
  }

  level(subject: string | null): string {
    return this.#levels.get(subject) ?? this.#levels.get(null) ?? DEFAULT_LEVEL
  }

  ownMode(subject: string | null): string | undefined {
    return this.#modes.get(subject)
  }

  mode(subject: string | null): string {
    return this.#modes.get(subject) ?? this.#modes.get(null) ?? DEFAULT_MODE
  }
}

function set(map: Map<string | null, string>, key: string | null, value: string | null): void {
  if (value === null) map.delete(key)
  else map.set(key, value)
}
