/** Ids as they are compared. Pure; as strandline.canonical_id. */

/** A UUID in any spelling that PostgreSQL reads. Without its dashes only one that says its version: other things have 32 hexadecimal digits, too. */
const UUID =
  /^(?:\{([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}|([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})|([0-9a-f]{12}[1-8][0-9a-f]{3}[89ab][0-9a-f]{15}))$/i

/** A UUID as PostgreSQL writes it, however it was written; anything else as it is. */
export function canonicalId(id: string): string {
  const digits = UUID.test(id) ? id.replace(/[{}-]/g, '').toLowerCase() : undefined
  return digits?.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') ?? id
}

/** An id as a column of that type writes it as text. */
export function nativeId(id: string, type: string): string {
  if (type === 'uuid') return canonicalId(id)
  if (/^(bigint|integer)$/.test(type) && /^-?\d{1,19}$/.test(id)) return String(BigInt(id))
  return id
}
