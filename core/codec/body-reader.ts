/** Reads what lies behind the header of the wire format: through avsc, whatever the writer's schema has more or less than the reader's. */
import type avro from 'avsc'
import { boundBlocks } from './bounded-blocks.ts'
import { DecodeError } from './codec.ts'

boundBlocks()

/**
 * Reads the body of a value that begins at `start`. Errors: DecodeError (not_avro, truncated).
 * @param keep the answer must stay as it is when the next body is read; otherwise a reader may fill the same object again
 */
export type ReadBody<T> = (value: Buffer, start: number, keep?: boolean) => T

/** Of the bodies of one writer. Error (any): its schema is not one that can be read. */
export type BodyReader<T> = (writer: avro.Type) => ReadBody<T>

export function createBodyReader<T>(reader: avro.Type): BodyReader<T> {
  return (writer) => {
    const resolver = reader.createResolver(writer)
    return (value, start) => {
      let decoded: { value: T; offset: number }
      try {
        decoded = reader.decode(value, start, resolver) as { value: T; offset: number }
      } catch (cause) {
        throw new DecodeError('not_avro', `not the Avro body that its schema says: ${(cause as Error).message}`, cause)
      }
      if (decoded.offset < 0) throw new DecodeError('truncated', `the Avro body ends early (${value.length} bytes)`)
      if (decoded.offset !== value.length)
        throw new DecodeError('not_avro', `${value.length - decoded.offset} bytes after the end of the Avro body`)
      return decoded.value
    }
  }
}
