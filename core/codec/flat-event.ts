/**
 * What the learner reads of an event, without an object of its own: one FlatEvent is filled again for every record, and a text that was met before is the
 * same string again. avsc would make an object, two maps and twenty strings of each record.
 *
 * Only plain bodies are read this way: of a released schema, texts without NUL, measures finite, and nothing in the fields that it passes
 * over at which avsc would stumble. With anything else the reader gives up, and avsc says what it is or why it is refused: so every reader of the topic
 * gives the same answer.
 */
import type avro from 'avsc'
import { finiteOrNull, riskOrNull } from '../../domain/trade-numbers.ts'
import { type CheckedEvent, checkEvent, checkFields, type Rejection } from '../../domain/validation.ts'
import { type BodyReader, createBodyReader } from './body-reader.ts'
import { positionClosedType } from './position-closed-codec.ts'
import { createTexts } from './texts.ts'

/** All that the learner reads of an event. */
export const FLAT_FIELDS = [
  'event_id',
  'revision',
  'voided',
  'timeframe',
  'closed_at',
  'rr',
  'return',
  'net_return',
  'risk_at_entry',
  'levers',
  'measures',
  'source',
] as const

/** Filled again for every record: who wants to keep something of it copies it. */
export class FlatEvent {
  event_id = ''
  revision = 0
  voided = false
  timeframe = ''
  closed_at = 0
  rr: number | null = null
  /** null also where the event has a number that is none. */
  return: number | null = null
  net_return: number | null = null
  risk_at_entry: number | null = null
  source = ''
  /** The event as avsc read it, where it is not plain: to be checked as a whole. null: texts and measures are in order. */
  whole: CheckedEvent | null = null
  readonly leverNames: string[] = []
  readonly leverValues: string[] = []
  levers = 0
  readonly measureNames: string[] = []
  readonly measureValues: number[] = []
  measures = 0

  lever(name: string): string | undefined {
    // of a name that is there twice the last one counts
    for (let i = this.levers - 1; i >= 0; i--) if (this.leverNames[i] === name) return this.leverValues[i]
    return undefined
  }

  measure(name: string): number | undefined {
    for (let i = this.measures - 1; i >= 0; i--) if (this.measureNames[i] === name) return this.measureValues[i]
    return undefined
  }

  fill(event: CheckedEvent): void {
    this.event_id = event.event_id
    this.revision = event.revision
    this.voided = event.voided
    this.timeframe = event.timeframe
    this.closed_at = event.closed_at
    this.rr = event.rr
    this.return = finiteOrNull(event.return)
    this.net_return = finiteOrNull(event.net_return)
    this.risk_at_entry = riskOrNull(event.risk_at_entry)
    this.source = event.source
    this.whole = event
    this.levers = 0
    for (const [name, value] of Object.entries(event.levers)) {
      this.leverNames[this.levers] = name
      this.leverValues[this.levers++] = value
    }
    this.measures = 0
    for (const [name, value] of Object.entries(event.measures)) {
      this.measureNames[this.measures] = name
      this.measureValues[this.measures++] = value
    }
  }
}

/** As checkEvent. */
export const checkFlatEvent = (
  event: FlatEvent,
  key: Buffer | null | undefined,
  recordTime: number | undefined,
): Rejection | null => (event.whole ? checkEvent(event.whole, key, recordTime) : checkFields(event, key, recordTime))

/** Reads bodies into the same FlatEvent again and again. */
export function createFlatReader(): BodyReader<FlatEvent> {
  const same = new FlatEvent()
  // all fields, also those that the learner does not need: what the projector refuses for one of them must not count here
  const whole = createBodyReader<CheckedEvent>(positionClosedType)
  return (writer) => {
    const readWhole = whole(writer)
    const readPlain = createPlainReader(writer)
    return (value, start, keep) => {
      const event = keep ? new FlatEvent() : same
      if (!readPlain?.(value, start, event)) event.fill(readWhole(value, start))
      return event
    }
  }
}

/** Reads the plain body that begins at `start`; false: it is not plain, and `into` holds nothing of use. */
type PlainReader = (value: Buffer, start: number, into: FlatEvent) => boolean

/** Beyond it avsc refuses a long, which a double may hold inexactly. */
const MAX_LONG = 2 ** 53 - 2

/** A body and where in it we are. What lies beyond its end, or is not plain, makes it not `plain`; reading goes on and ends soon. */
class Cursor {
  body!: Buffer
  at = 0
  plain = true

  long(): number {
    const { body } = this
    let byte = body[this.at++] as number
    let n = byte & 0x7f
    let shift = 7
    while (byte & 0x80 && shift < 28) {
      byte = body[this.at++] as number
      n |= (byte & 0x7f) << shift
      shift += 7
    }
    if (!(byte & 0x80)) return (n >> 1) ^ -(n & 1)
    // beyond 28 bits: numbers have no more than 53
    let factor = 2 ** 28
    for (;;) {
      byte = body[this.at++] as number
      n += (byte & 0x7f) * factor
      factor *= 128
      if (!(byte & 0x80)) break
      if (factor > 2 ** 53) {
        this.plain = false
        return 0
      }
    }
    const long = (n % 2 ? -(n + 1) : n) / 2
    if (Math.abs(long) > MAX_LONG) this.plain = false
    return long
  }

  skipLong(): void {
    while ((this.body[this.at++] as number) & 0x80);
  }

  skip(bytes: number): void {
    this.at += bytes
  }

  boolean(): boolean {
    return this.body[this.at++] !== 0
  }

  double(): number {
    this.at += 8
    if (this.at <= this.body.length) return this.body.readDoubleLE(this.at - 8)
    this.plain = false
    return 0
  }

  /** Passes over as many bytes as the next number says, and says where they begin. */
  bytes(): number {
    const length = this.long()
    const start = this.at
    if (length < 0 || length > this.body.length - start) this.plain = false
    else this.at += length
    return start
  }

  skipBytes(): void {
    this.bytes()
  }

  /** Branch of a union of null and something: 0 or 1. */
  branch(): number {
    const index = this.long()
    if (index !== 0 && index !== 1) this.plain = false
    return index
  }

  /** Entries of the next block of a map, 0 at the end; each takes a byte at least. */
  block(): number {
    let n = this.long()
    if (n < 0) {
      n = -n
      this.skipLong() // its size in bytes
    }
    if (n <= this.body.length - this.at) return n
    this.plain = false
    return 0
  }

  /** Entry by entry, also where a block says its size: whoever reads them does not go by that. */
  skipMap(skipValue: () => void): void {
    for (let n = this.block(); n > 0 && this.plain; n = this.block())
      for (let i = 0; i < n && this.plain; i++) {
        this.skipBytes()
        skipValue()
      }
  }
}

/** The types of released schemas, as the writer's schema has them in JSON. */
const STRING = '"string"'
const INT = '"int"'
const LONG = '"long"'
const BOOLEAN = '"boolean"'
const DOUBLE = '"double"'
const NULLABLE_DOUBLE = '["null","double"]'
const NULLABLE_STRING = '["null","string"]'
const NULLABLE_BOOLEAN = '["null","boolean"]'
const TEXTS = '{"type":"map","values":"string"}'
const NUMBERS = '{"type":"map","values":"double"}'

type Step = (into: FlatEvent) => void

/** Fields that not every released schema has. */
const ABSENT: { [field: string]: Step } = {
  net_return: (into) => {
    into.net_return = null
  },
  risk_at_entry: (into) => {
    into.risk_at_entry = null
  },
}

/** null: bodies of this writer are not read here. */
function createPlainReader(writer: avro.Type): PlainReader | null {
  const cursor = new Cursor()
  const texts = createTexts()

  function text(likely: string | undefined): string {
    const start = cursor.bytes()
    const found = cursor.plain ? texts(cursor.body, start, cursor.at, likely) : undefined
    if (found !== undefined) return found
    cursor.plain = false
    return ''
  }

  const reading: { [field: string]: { type: string; read: Step } } = {
    event_id: {
      type: STRING,
      read: (into) => {
        const start = cursor.bytes()
        into.event_id = cursor.body.toString('utf8', start, cursor.at)
        if (into.event_id.includes('\0')) cursor.plain = false
      },
    },
    revision: {
      type: INT,
      read: (into) => {
        into.revision = cursor.long()
      },
    },
    voided: {
      type: BOOLEAN,
      read: (into) => {
        into.voided = cursor.boolean()
      },
    },
    timeframe: {
      type: STRING,
      read: (into) => {
        into.timeframe = text(into.timeframe)
      },
    },
    closed_at: {
      type: LONG,
      read: (into) => {
        into.closed_at = cursor.long()
      },
    },
    rr: {
      type: NULLABLE_DOUBLE,
      read: (into) => {
        into.rr = cursor.branch() === 0 ? null : cursor.double()
      },
    },
    return: {
      type: NULLABLE_DOUBLE,
      read: (into) => {
        into.return = cursor.branch() === 0 ? null : finiteOrNull(cursor.double())
      },
    },
    net_return: {
      type: NULLABLE_DOUBLE,
      read: (into) => {
        into.net_return = cursor.branch() === 0 ? null : finiteOrNull(cursor.double())
      },
    },
    risk_at_entry: {
      type: NULLABLE_DOUBLE,
      read: (into) => {
        into.risk_at_entry = cursor.branch() === 0 ? null : riskOrNull(cursor.double())
      },
    },
    source: {
      type: STRING,
      read: (into) => {
        into.source = text(into.source)
      },
    },
    levers: {
      type: TEXTS,
      read: (into) => {
        into.levers = 0
        for (let n = cursor.block(); n > 0 && cursor.plain; n = cursor.block())
          for (let i = 0; i < n && cursor.plain; i++) {
            const name = text(into.leverNames[into.levers])
            if (name === '__proto__') cursor.plain = false
            into.leverNames[into.levers] = name
            into.leverValues[into.levers++] = text(undefined)
          }
      },
    },
    measures: {
      type: NUMBERS,
      read: (into) => {
        into.measures = 0
        for (let n = cursor.block(); n > 0 && cursor.plain; n = cursor.block())
          for (let i = 0; i < n && cursor.plain; i++) {
            const name = text(into.measureNames[into.measures])
            const value = cursor.double()
            if (name === '__proto__' || !Number.isFinite(value)) cursor.plain = false
            into.measureNames[into.measures] = name
            into.measureValues[into.measures++] = value
          }
      },
    },
  }
  const skipping: { [type: string]: Step } = {
    [STRING]: () => cursor.skipBytes(),
    [INT]: () => cursor.skipLong(),
    [LONG]: () => void cursor.long(),
    [BOOLEAN]: () => cursor.skip(1),
    [DOUBLE]: () => cursor.skip(8),
    [NULLABLE_DOUBLE]: () => cursor.skip(cursor.branch() * 8),
    [NULLABLE_STRING]: () => {
      if (cursor.branch() === 1) cursor.skipBytes()
    },
    [NULLABLE_BOOLEAN]: () => cursor.skip(cursor.branch()),
    [TEXTS]: () => cursor.skipMap(() => cursor.skipBytes()),
    [NUMBERS]: () => cursor.skipMap(() => cursor.skip(8)),
  }

  const { fields } = writer.schema() as { fields?: { name: string; type: unknown }[] }
  const steps: Step[] = []
  const wanted = new Set(Object.keys(reading))
  for (const { name, type } of fields ?? []) {
    const written = JSON.stringify(type)
    const step = reading[name]?.type === written ? reading[name].read : wanted.has(name) ? undefined : skipping[written]
    if (!step) return null
    steps.push(step)
    wanted.delete(name)
  }
  for (const name of wanted) {
    const absent = ABSENT[name]
    if (!absent) return null
    steps.unshift(absent)
  }

  return (value, start, into) => {
    cursor.body = value
    cursor.at = start
    cursor.plain = true
    into.whole = null
    for (const step of steps) {
      step(into)
      if (!cursor.plain) return false
    }
    return cursor.at === value.length
  }
}
