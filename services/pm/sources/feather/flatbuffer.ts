/**
 * FlatBuffers, in which Arrow writes what its columns are and where they lie, as far as that is read here. Every read is of a byte that there is, or throws a
 * RangeError: a count that a damaged file lies about ends where the file does, and takes neither memory nor time.
 */
const SIZE = 4 // of an offset, or of the count of a vector

export interface FlatTable {
  /** Each takes the field's place in its schema, from 0, and gives what is written there, or what stands for nothing. */
  int8(field: number): number
  int16(field: number): number
  int64(field: number): number
  text(field: number): string
  table(field: number): FlatTable | null
  tables(field: number): Generator<FlatTable>
  structs(field: number, bytes: number): Vector
}

export interface Vector {
  /** What the file says; so many need not be there. */
  count: number
  /** Where an element begins. */
  place(index: number): number
}

/** The root table of these bytes. */
export function rootTable(view: DataView): FlatTable {
  return tableAt(view, view.getUint32(0, true))
}

/** A 64-bit integer as a number; beyond 2⁵³, where no length and no offset is, it is rounded. */
export const int64 = (view: DataView, at: number): number => Number(view.getBigInt64(at, true))

/** These bytes of them, which must all be there. */
export function viewPart(view: DataView, at: number, length: number): DataView {
  if (!(at >= 0 && length >= 0 && at + length <= view.byteLength))
    throw new RangeError(`${length} bytes from ${at} on do not lie within ${view.byteLength}.`)
  return new DataView(view.buffer, view.byteOffset + at, length)
}

function tableAt(view: DataView, at: number): FlatTable {
  const fields = at - view.getInt32(at, true)
  const end = view.getUint16(fields, true)
  /** 0: the field is not written. */
  const placeOf = (field: number) => {
    const entry = SIZE + 2 * field
    const offset = entry < end ? view.getUint16(fields + entry, true) : 0
    return offset && at + offset
  }
  const pointedTo = (place: number) => place + view.getUint32(place, true)

  function vector(field: number, bytes: number): Vector {
    const place = placeOf(field)
    if (!place) return { count: 0, place: () => Number.NaN }
    const start = pointedTo(place)
    return { count: view.getUint32(start, true), place: (index) => start + SIZE + index * bytes }
  }

  return {
    int8: (field) => read(placeOf(field), (place) => view.getInt8(place)),
    int16: (field) => read(placeOf(field), (place) => view.getInt16(place, true)),
    int64: (field) => read(placeOf(field), (place) => int64(view, place)),
    text(field) {
      const place = placeOf(field)
      if (!place) return ''
      const string = pointedTo(place)
      const { buffer, byteOffset, byteLength } = viewPart(view, string + SIZE, view.getUint32(string, true))
      return Buffer.from(buffer, byteOffset, byteLength).toString('utf8')
    },
    table(field) {
      const place = placeOf(field)
      return place ? tableAt(view, pointedTo(place)) : null
    },
    *tables(field) {
      const { count, place } = vector(field, SIZE)
      for (let i = 0; i < count; i++) yield tableAt(view, pointedTo(place(i)))
    },
    structs: vector,
  }
}

const read = (place: number, of: (place: number) => number): number => (place ? of(place) : 0)
