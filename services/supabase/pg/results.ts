/** How values that PostgreSQL sends as text become what lite makes JSON of: as lite's own driver had it, so that every client reads the same. */
import pg from 'pg'

type Parse = (text: string) => unknown

const number: Parse = Number
/** Beyond 2^53 a number would lose digits: lite writes a bigint as it is. */
const wholeNumber: Parse = (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text))
/** Only where the number is the same text again; otherwise the text, which has all the digits. */
const decimal: Parse = (text) => (String(Number(text)) === text && Number.isFinite(Number(text)) ? Number(text) : text)
const asItIs: Parse = (text) => text

/** By the object id of the type; those of dates and times are absent on purpose: a text keeps its microseconds. */
const SCALARS = new Map<number, Parse>([
  [16, (text) => text === 't'],
  [17, (text) => Buffer.from(text.slice(2), 'hex')],
  [20, wholeNumber],
  [21, number],
  [23, number],
  [26, number],
  [114, JSON.parse],
  [700, number],
  [701, number],
  [1700, decimal],
  [3802, JSON.parse],
])

/** The types of a database's arrays, by their object ids, and of what: read once, since every enum brings one of its own. */
export type ArrayTypes = Map<number, number>

export const READ_ARRAY_TYPES = `select oid::int8 as oid, typelem::int8 as element from pg_catalog.pg_type where typcategory = 'A' and typelem <> 0`

export function resultTypes(arrays: ArrayTypes): pg.CustomTypesConfig {
  return {
    // biome-ignore lint/suspicious/noExplicitAny: the driver's own signature
    getTypeParser: (oid: number): any => {
      const element = arrays.get(oid)
      if (element === undefined) return SCALARS.get(oid) ?? asItIs
      const parse = SCALARS.get(element) ?? asItIs
      return (text: string) => elements(text, parse)
    },
  }
}

// The package's own type leaves out that it is an object with `create`.
const { create } = pg.types.arrayParser as unknown as {
  create(source: string, transform: Parse): { parse(): unknown[] }
}
const elements = (text: string, parse: Parse) => create(text, parse).parse()
