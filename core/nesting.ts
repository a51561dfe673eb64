/** How deep JSON may be nested: what walks through a value calls itself for each level, and so does whoever writes it out again. */

/** More than anything that is meant. PostgreSQL's own limit lies in the thousands, and depends on its settings. */
export const MAX_NESTING = 64

/** Whether a value that JSON.parse made is nested deeper than that; without calling itself. */
export function isNestedTooDeep(value: unknown, most = MAX_NESTING): boolean {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > most) return true
    const next: unknown[] = []
    for (const item of level)
      if (typeof item === 'object' && item !== null) for (const inner of Object.values(item)) next.push(inner)
    level = next
  }
  return false
}
