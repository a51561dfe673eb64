/** The records of the topic `_schemas`, as Confluent's registry writes them: either can go on from what the other left. */

export interface Reference {
  name: string
  subject: string
  version: number
}

export interface SchemaValue {
  subject: string
  version: number
  id: number
  schema: string
  schemaType?: string
  references?: Reference[]
  deleted: boolean
}

export type RegistryRecord =
  | { type: 'schema'; subject: string; version: number; value: SchemaValue | null }
  | { type: 'level'; subject: string | null; level: string | null }
  | { type: 'mode'; subject: string | null; mode: string | null }
  | { type: 'delete-subject'; subject: string; version: number }

/** Bytes of the record. The keys' field order is fixed: compaction compares keys byte by byte. */
export function encodeRecord(record: RegistryRecord): { key: string; value: Buffer | null } {
  const json = (value: object | null) => (value === null ? null : Buffer.from(JSON.stringify(value)))
  switch (record.type) {
    case 'schema': {
      const { subject, version, value } = record
      return { key: JSON.stringify({ keytype: 'SCHEMA', subject, version, magic: 1 }), value: json(value) }
    }
    case 'level': {
      const { subject, level } = record
      return {
        key: JSON.stringify({ keytype: 'CONFIG', subject, magic: 0 }),
        value: json(level === null ? null : { compatibilityLevel: level }),
      }
    }
    case 'mode': {
      const { subject, mode } = record
      return {
        key: JSON.stringify({ keytype: 'MODE', subject, magic: 0 }),
        value: json(mode === null ? null : { mode }),
      }
    }
    case 'delete-subject': {
      const { subject, version } = record
      return {
        key: JSON.stringify({ keytype: 'DELETE_SUBJECT', subject, magic: 0 }),
        value: json({ subject, version }),
      }
    }
  }
}

/** undefined for what does not concern us: NOOP, CLEAR_SUBJECT, key types of later versions. */
export function decodeRecord(key: Buffer | null, value: Buffer | null): RegistryRecord | undefined {
  const k = parse(key)
  const v = parse(value)
  if (!k) return undefined
  const subject = typeof k.subject === 'string' ? k.subject : null
  switch (k.keytype) {
    case 'SCHEMA':
      if (subject === null || typeof k.version !== 'number') return undefined
      return {
        type: 'schema',
        subject,
        version: k.version,
        value: v === null ? null : ({ deleted: false, ...v } as unknown as SchemaValue),
      }
    case 'CONFIG':
      return { type: 'level', subject, level: typeof v?.compatibilityLevel === 'string' ? v.compatibilityLevel : null }
    case 'MODE':
      return { type: 'mode', subject, mode: typeof v?.mode === 'string' ? v.mode : null }
    case 'DELETE_SUBJECT':
      if (subject === null || typeof v?.version !== 'number') return undefined
      return { type: 'delete-subject', subject, version: v.version }
    default:
      return undefined
  }
}

function parse(bytes: Buffer | null): Record<string, unknown> | null {
  if (!bytes || bytes.length === 0) return null
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}
