/**
 * How parameters are written. PostgreSQL knows the type of each, the caller does not: an array is a JSON text for a column of type jsonb and an array
 * literal for one of text[]. So a statement's types are asked for when it is seen first, and kept: asking is a round trip.
 */
import { LRUCache } from 'lru-cache'
import type pg from 'pg'

const JSON_TYPES = [114, 3802]

/** What the driver gives a query of our own to write with; its types know only its own queries. */
interface Wire {
  parse(message: { text: string }): void
  describe(message: { type: 'S' }): void
  sync(): void
  once(event: 'parameterDescription', hear: (message: { dataTypeIDs: number[] }) => void): void
  removeListener(event: 'parameterDescription', hear: (message: { dataTypeIDs: number[] }) => void): void
}

export interface ParameterTypes {
  of(client: pg.PoolClient, text: string): Promise<number[]>
  /** The schema is another one now. */
  forget(): void
}

export function createParameterTypes(max = 1_000): ParameterTypes {
  const known = new LRUCache<string, number[]>({ max })
  return {
    async of(client, text) {
      const types = known.get(text) ?? (await describe(client, text))
      known.set(text, types)
      return types
    },
    forget: () => known.clear(),
  }
}

/** @param looseText a text that is JSON already stays as it is (arguments of functions); otherwise it is a JSON string */
export function writeParameter(value: unknown, type: number | undefined, looseText: boolean): unknown {
  if (value === null || value === undefined || type === undefined || !JSON_TYPES.includes(type)) return value
  return looseText && typeof value === 'string' && isJson(value) ? value : JSON.stringify(value)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The driver runs whatever has `submit`, as its cursors do. */
function describe(client: pg.PoolClient, text: string): Promise<number[]> {
  return new Promise((resolve, reject) => {
    let types: number[] = []
    let wire: Wire | undefined
    const hear = (message: { dataTypeIDs: number[] }) => {
      types = message.dataTypeIDs
    }
    const done = (error: unknown) => {
      wire?.removeListener('parameterDescription', hear)
      error ? reject(error) : resolve(types)
    }
    const query = {
      // The driver's time limit calls it as well.
      callback: done,
      submit(connection: Wire) {
        wire = connection
        connection.once('parameterDescription', hear)
        connection.parse({ text })
        connection.describe({ type: 'S' })
        connection.sync()
      },
      handleRowDescription() {},
      handleError: (error: unknown) => query.callback(error),
      handleReadyForQuery: () => query.callback(undefined),
    }
    client.query(query as unknown as pg.Submittable)
  })
}
