/** Short texts that come again and again (names and values of levers) as the same strings: found by their bytes, not made anew. */

/** Texts remembered; about 2 MB of the longest. */
const REMEMBERED = 20_000
const MAX_BYTES = 64

/**
 * The text of the bytes from `start` to `end`; undefined where there is a NUL in it.
 * @param likely what it probably is: the text in the same place of the event before
 */
export type Texts = (bytes: Buffer, start: number, end: number, likely: string | undefined) => string | undefined

export function createTexts(): Texts {
  /** By a hash of their bytes. */
  const known = new Map<number, string>()
  return (bytes, start, end, likely) => {
    if (likely !== undefined && isText(likely, bytes, start, end)) return likely
    let hash = 0
    let plain = end - start <= MAX_BYTES
    if (plain)
      for (let i = start; i < end; i++) {
        const byte = bytes[i] as number
        hash = (Math.imul(hash, 31) + byte) | 0
        if (byte === 0 || byte >= 0x80) plain = false
      }
    if (!plain) {
      const text = bytes.toString('utf8', start, end)
      return text.includes('\0') ? undefined : text
    }
    const small = hash >>> 2 // V8 keeps numbers of 30 bits without an object
    const found = known.get(small)
    if (found !== undefined && isText(found, bytes, start, end)) return found
    const text = internalized(bytes.toString('latin1', start, end))
    if (known.size >= REMEMBERED) known.clear()
    known.set(small, text)
    return text
  }
}

/** Whether these bytes are the text; of one that is not ASCII, or has a NUL: no. */
function isText(text: string, bytes: Buffer, start: number, end: number): boolean {
  const length = end - start
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i] as number
    if (byte === 0 || byte >= 0x80 || byte !== text.charCodeAt(i)) return false
  }
  return true
}

/** As a property's name is kept: V8 compares two such strings, and looks them up in a map, by their address. */
const internalized = (text: string): string => Object.keys({ [text]: 0 })[0] as string
