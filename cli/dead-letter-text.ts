/** One dead letter for a person. */
import type { DissectedField, DissectedValue } from '../core/codec/dissect-value.ts'
import { positionClosedSchema } from '../core/codec/position-closed-codec.ts'
import { timeText } from '../domain/time.ts'
import { headerList } from '../services/learner/dead-letter-json.ts'
import type { DeadLetter } from '../services/learner/dead-letter-list.ts'
import type { FoundRecord } from '../services/learner/dead-letter-record.ts'
import type { DescribedLetter } from '../services/learner/describe-dead-letter.ts'
import { placeText } from '../services/learner/place.ts'
import { adviceOn } from '../services/learner/reject-advice.ts'
import { stateText, utc } from './dead-letters-text.ts'
import { escaped, quoted } from './escaped.ts'
import { hexDump } from './hex-dump.ts'
import { table } from './table.ts'

/** What a screen has of a field, a text and a dump. */
const MOST_LETTERS = 200
const MOST_TEXT_LINES = 40
const MOST_FIELDS = 100
const MOST_DUMP_LINES = 16
/** Letters of a line of text. */
const LINE = 100

/** Fields of ours that are times, ms. */
const TIMES = new Set(
  (JSON.parse(positionClosedSchema) as { fields: { name: string; type: { logicalType?: string } }[] }).fields
    .filter((f) => f.type.logicalType === 'timestamp-millis')
    .map((f) => f.name),
)

export function deadLetterText(topic: string, described: DescribedLetter): string {
  const { letter, refusals, record } = described
  const { what, todo } = adviceOn(letter.reason)
  const rows: [string, string][] = [
    ['refused for', `${letter.reason}: ${escaped(letter.detail)}`],
    ['which means', what],
    ['what to do', letter.state === 'open' ? todo : settledTodo(described)],
    ['state', settledText(letter)],
    ['record', recordText(letter)],
    ...refusals.map((r): [string, string] => [
      'refused',
      `${utc(r.recorded_at)} UTC by ${escaped(r.consumer)}${sinceText(r)}`,
    ]),
    ['copy', letter.dead_letter ? `${letter.dead_letter.topic} ${placeText(letter.dead_letter)}` : 'none'],
    ...historyLines(described).map((line, i): [string, string] => [i === 0 ? 'history' : '', line]),
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return [
    `Dead letter ${placeText(letter)} of ${topic}`,
    '',
    ...rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`),
    '',
    ...(record ? [...sourceLines(topic, record), ...recordLines(record, described.value)] : [goneText(topic, letter)]),
  ].join('\n')
}

/** A copy that is open is what is left of it. */
function settledTodo({ letter, history }: DescribedLetter): string {
  const copy = letter.state === 'redriven' && history.findLast((l) => l.state === 'open' && l.offset > letter.offset)
  return copy ? `Look at its copy: ./strandline dead-letters show ${placeText(copy)}` : 'Nothing: it is settled.'
}

function settledText(letter: DeadLetter): string {
  const { state, redriven_at, applied_at, discarded } = letter
  if (discarded) {
    const by = `discarded ${utc(discarded.at)} UTC by ${escaped(discarded.by)}: ${escaped(discarded.reason)}`
    return state === 'applied' ? `applied ${utc(applied_at ?? '')} UTC, by a replay; before, it was ${by}` : by
  }
  if (state === 'redriven') return `${stateText(letter)}, ${utc(redriven_at ?? '')} UTC`
  if (state === 'applied') return `applied ${utc(applied_at ?? '')} UTC, by a replay`
  return stateText(letter)
}

const sinceText = ({ applied_at }: DescribedLetter['refusals'][number]) =>
  applied_at === null ? '' : `; applied ${utc(applied_at)} UTC, by a replay`

const recordText = ({ partition, offset, record_ms }: DeadLetter) =>
  `partition ${partition}, offset ${offset}, ${record_ms === 0 ? 'of a time that is not known' : `taken in ${timeText(record_ms)}`}`

/** From the first letter of the record on; nothing where there is but this one. */
function historyLines({ letter, history, copies }: DescribedLetter): string[] {
  if (history.length === 1 && copies.length === 0) return []
  return [
    ...history.map((l) => {
      const of = l.redrive_of ? `, a copy of ${placeText(l.redrive_of)}` : ''
      const here = l.offset === letter.offset ? ' (this one)' : ''
      return `${placeText(l)}${here}: refused ${utc(l.recorded_at)} UTC for ${l.reason}${of}; ${stateText(l)}`
    }),
    ...copies.map((c) => `${placeText(c)}: ${c.taken ? 'taken by the learner' : 'the learner has not come to it yet'}`),
  ]
}

function sourceLines(topic: string, { from, incomplete }: FoundRecord): string[] {
  if (from === 'topic') return []
  const part = incomplete ? ` The copy is ${escaped(incomplete)}.` : ''
  return [`${topic} does not have the record any more: this is its copy in the dead-letter topic.${part}`, '']
}

const goneText = (topic: string, { dead_letter }: DeadLetter) =>
  `${topic} does not have the record any more, and ${dead_letter ? 'its copy in the dead-letter topic is gone, too' : 'there is no copy of it'}.`

function recordLines({ key, value, headers }: FoundRecord, dissected: DissectedValue): string[] {
  const named = headerList(headers)
  return [
    key === null ? 'Key: none' : `Key (${bytes(key.length)}): ${textOf(key)}`,
    named.length === 0 ? 'Headers: none' : `Headers (${named.length}):`,
    ...named.map((h) => `  ${cut(escaped(h.name))}: ${textOf(h.value)}`),
    value === null ? 'Value: none' : `Value (${bytes(value.length)}):`,
    ...(value === null ? [] : valueLines(value, dissected)).map((line) => `  ${line}`),
  ]
}

function valueLines(value: Buffer, dissected: DissectedValue): string[] {
  switch (dissected.format) {
    case 'none':
      return ['no bytes']
    case 'text':
      return ['text, no Avro:', ...wrapped(dissected.text)]
    case 'bytes':
      return ['neither Avro in the wire format nor text:', ...hexDump(value, 0, MOST_DUMP_LINES)]
    case 'frame':
      return [`byte 0 is the magic byte 0; ${dissected.why}:`, ...hexDump(value, 0, MOST_DUMP_LINES)]
    case 'avro':
      return avroLines(value, dissected)
  }
}

function avroLines(
  value: Buffer,
  { schema, fields, stopped, end }: Extract<DissectedValue, { format: 'avro' }>,
): string[] {
  const rest = value.subarray(end)
  const title = schema.name === null ? `schema ${schema.id}` : `schema ${schema.id}, ${escaped(schema.name)}`
  const lines = [
    'byte 0      magic byte 0',
    `bytes 1–4   ${title}${schema.problem ? `: ${escaped(schema.problem)}` : ''}`,
    ...(schema.guessed ? ["What follows is read with this build's own schema: a guess."] : []),
    ...table(
      [{ title: 'from byte', align: 'right' as const }, { title: 'field' }, { title: 'value' }],
      fields.slice(0, MOST_FIELDS).map((f) => [String(f.at), cut(escaped(f.field)), shownField(f)]),
    ),
  ]
  if (fields.length > MOST_FIELDS)
    lines.push(`… and ${fields.length - MOST_FIELDS} fields more; --json has all of them.`)
  if (stopped) lines.push(`Reading stops at byte ${stopped.at}, in ${cut(escaped(stopped.field))}: ${stopped.why}.`)
  else if (rest.length > 0) lines.push(`The event ends at byte ${end}, and ${bytes(rest.length)} follow.`)
  return rest.length > 0 ? [...lines, ...hexDump(rest, end, MOST_DUMP_LINES)] : lines
}

function shownField({ field, value }: DissectedField): string {
  if (typeof value === 'string') return cut(quoted(value))
  if (Buffer.isBuffer(value)) return cut(value.toString('hex'))
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? '[]' : '{}'
  return typeof value === 'number' && TIMES.has(field) ? `${value} (${timeText(value)})` : String(value)
}

/** Line by line, what is long in several. */
function wrapped(text: string): string[] {
  const lines: string[] = []
  for (const line of text.split('\n'))
    for (let at = 0; at === 0 || at < line.length; at += LINE) {
      if (lines.length === MOST_TEXT_LINES) return [...lines, '… and more; --json has all of it.']
      lines.push(escaped(line.slice(at, at + LINE).toWellFormed()))
    }
  return lines
}

const bytes = (n: number) => (n === 1 ? '1 byte' : `${n} bytes`)
const cut = (text: string) => (text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS).toWellFormed()}…` : text)
const textOf = (value: Buffer) => cut(quoted(value.toString()))
