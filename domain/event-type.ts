/** What an event of a type is called everywhere: its topic, its schema, its CloudEvents type. Pure; core/codec/event-codec.ts makes bytes of it. */

export interface EventType {
  /** Where it is written, unless the configuration says another; its schema's subject is `<topic>-value`. Its dead letters: `<topic>.dead-letter`. */
  topic: string
  /** CloudEvents' `ce_type`. */
  type: string
  /** A file of schemas/. */
  schema: string
}

const eventType = (name: string): EventType => ({
  topic: `pm.${name}.v1`,
  type: `strandline.pm.${name}.v1`,
  schema: `${name}.avsc`,
})

export const POSITION_CLOSED = eventType('position-closed')
