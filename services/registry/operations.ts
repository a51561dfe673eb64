/** What the registry does, without HTTP: each reads the state, and each change returns the records that make it. */
import { shown } from '../../domain/shown.ts'
import {
  canonicalText,
  incompatibilities,
  LEVELS,
  type Level,
  parseSchema,
  type SchemaText,
  schemaIdentity,
} from './compatibility.ts'
import * as errors from './errors.ts'
import type { Reference, RegistryRecord, SchemaValue } from './records.ts'
import type { RegistryState } from './state.ts'

export interface SchemaBody {
  schema: string
  schemaType?: string
  references?: Reference[]
}

interface Change<T> {
  records: RegistryRecord[]
  result: T
}

const MODES = ['READWRITE', 'READONLY', 'READONLY_OVERRIDE']

/** Checks the body of a request. Errors: 42201. */
export function schemaBody(body: unknown): SchemaBody {
  const { schema, schemaType = 'AVRO', references } = (body ?? {}) as Record<string, unknown>
  if (typeof schema !== 'string' || schema.trim() === '') throw errors.invalidSchema('the request has no schema')
  if (schemaType !== 'AVRO') throw errors.invalidSchema(`type ${shown(schemaType)} is not supported, only AVRO`)
  const given = references ?? []
  if (!Array.isArray(given) || !given.every(isReference))
    throw errors.invalidSchema('references must be an array of {"name", "subject", "version"}')
  return { schema: canonicalText(schema), references: given.length > 0 ? given : undefined }
}

function isReference(value: unknown): value is Reference {
  const { name, subject, version } = (value ?? {}) as Record<string, unknown>
  return typeof name === 'string' && typeof subject === 'string' && Number.isInteger(version)
}

/** The texts of all schemas that these references need, the innermost first. Errors: 42201. */
function resolveReferences(state: RegistryState, references: Reference[] = [], seen = new Set<string>()): string[] {
  return references.flatMap(({ subject, version }) => {
    const at = JSON.stringify([subject, version])
    if (seen.has(at)) return []
    seen.add(at)
    const found = state.versions(subject, true).find((v) => v.version === version)
    if (!found) throw errors.invalidSchema(`there is no version ${version} of subject '${subject}', which it refers to`)
    return [...resolveReferences(state, found.references, seen), found.schema]
  })
}

export function schemaText(state: RegistryState, { schema, references }: SchemaBody | SchemaValue): SchemaText {
  return { schema, references: resolveReferences(state, references) }
}

export function sameSchema(body: SchemaBody): (value: SchemaValue) => boolean {
  const wanted = schemaIdentity(body.schema, body.references)
  return (value) => schemaIdentity(value.schema, value.references) === wanted
}

/** A new version, unless the subject has this schema already. The same schema has one id wherever it is. Errors: 409, 42201, 42205. */
export function register(state: RegistryState, subject: string, body: SchemaBody): Change<SchemaValue> {
  requireWritable(state, subject)
  const same = sameSchema(body)
  const current = state.versions(subject, false)
  const existing = current.find(same)
  if (existing) return { records: [], result: existing }
  parseSchema(schemaText(state, body))
  const why = check(state, subject, body, current)
  if (why.length > 0) throw errors.incompatible(subject, why)
  const id = state.all().find(same)?.id ?? state.maxId + 1
  const version = (state.versions(subject, true).at(-1)?.version ?? 0) + 1
  const { schema, references } = body
  const value: SchemaValue = {
    subject,
    version,
    id,
    schema,
    ...(references?.length ? { references } : {}),
    deleted: false,
  }
  return { records: [{ type: 'schema', subject, version, value }], result: value }
}

/** Why a schema may not follow these versions at the subject's level; empty when it may. */
export function check(state: RegistryState, subject: string, body: SchemaBody, against: SchemaValue[]): string[] {
  const previous = against.map((v) => ({ ...schemaText(state, v), version: v.version }))
  return incompatibilities(state.level(subject) as Level, schemaText(state, body), previous)
}

export function deleteVersion(
  state: RegistryState,
  subject: string,
  at: number | 'latest',
  permanent: boolean,
): Change<number> {
  requireWritable(state, subject)
  const value = state.version(subject, at, permanent || at !== 'latest')
  const { version } = value
  if (permanent && !value.deleted) throw errors.versionNotSoftDeleted(subject, version)
  if (!permanent && value.deleted) throw errors.versionSoftDeleted(subject, version)
  requireUnreferenced(state, [value])
  return { records: [deletion(value, permanent)], result: version }
}

export function deleteSubject(state: RegistryState, subject: string, permanent: boolean): Change<number[]> {
  requireWritable(state, subject)
  const all = state.versions(subject, true)
  const live = all.filter((v) => !v.deleted)
  if (all.length === 0) throw errors.subjectNotFound(subject)
  if (permanent && live.length > 0) throw errors.subjectNotSoftDeleted(subject)
  if (!permanent && live.length === 0) throw errors.subjectSoftDeleted(subject)
  const gone = permanent ? all : live
  requireUnreferenced(state, gone)
  const settings: RegistryRecord[] = [
    ...(state.ownLevel(subject) === undefined ? [] : [{ type: 'level' as const, subject, level: null }]),
    ...(state.ownMode(subject) === undefined ? [] : [{ type: 'mode' as const, subject, mode: null }]),
  ]
  return { records: [...gone.map((v) => deletion(v, permanent)), ...settings], result: gone.map((v) => v.version) }
}

function deletion(value: SchemaValue, permanent: boolean): RegistryRecord {
  return {
    type: 'schema',
    subject: value.subject,
    version: value.version,
    value: permanent ? null : { ...value, deleted: true },
  }
}

function requireUnreferenced(state: RegistryState, values: SchemaValue[]): void {
  for (const v of values) if (state.referencedBy(v).length > 0) throw errors.referenceExists(v.subject, v.version)
}

function requireWritable(state: RegistryState, subject: string): void {
  if (state.mode(subject).startsWith('READONLY')) throw errors.notPermitted(`Subject ${subject} is in read-only mode`)
}

/** Errors: 42203. */
export function setLevel(subject: string | null, level: unknown): Change<Level> {
  const wanted = wordOf(level) as Level
  if (!LEVELS.includes(wanted)) throw errors.invalidLevel()
  return { records: [{ type: 'level', subject, level: wanted }], result: wanted }
}

/** Errors: 42204. */
export function setMode(subject: string | null, mode: unknown): Change<string> {
  const wanted = wordOf(mode)
  if (!MODES.includes(wanted)) throw errors.invalidMode()
  return { records: [{ type: 'mode', subject, mode: wanted }], result: wanted }
}

const wordOf = (value: unknown) => (typeof value === 'string' ? value.toUpperCase() : '')
