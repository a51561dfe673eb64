/** A value that somebody sent, in a sentence about it. */
const MOST = 80

/** As JSON, cut where it is long; whatever it is: an object that cannot be made a text of, one that is nested too deep to be written, nothing at all. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing'
  if (typeof value === 'number') return String(value) // JSON has no NaN
  if (typeof value === 'string')
    return cut(JSON.stringify(value.length > MOST ? value.slice(0, MOST).toWellFormed() : value))
  try {
    return cut(String(JSON.stringify(value)))
  } catch {
    return Array.isArray(value) ? 'a list nested too deep' : 'an object nested too deep'
  }
}

const cut = (text: string) => (text.length > MOST ? `${text.slice(0, MOST).toWellFormed()}…` : text)
