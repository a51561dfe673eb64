/** Names that nobody else has, behind a narrow port, so that a simulation can own them. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'

export interface Ids {
  /** Of this process, for people. */
  readonly process: string
  uuid(): string
}

export const systemIds: Ids = { process: `${hostname()}/${process.pid}`, uuid: randomUUID }
