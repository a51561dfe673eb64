/** Dead letters, as JSON Schema says them. */
import type { Schema } from '../../core/api/operation.ts'
import { REJECT_REASONS } from '../../domain/validation.ts'
import { orNull, record, WHOLE } from '../schema-parts.ts'

const TIME: Schema = { type: 'string', format: 'date-time' }
const TIME_OR_NULL: Schema = { anyOf: [TIME, { type: 'null' }] }

const PLACE = { partition: WHOLE, offset: WHOLE }

const STATE: Schema = {
  enum: ['open', 'redriven', 'applied', 'discarded'],
  description:
    'open: not in the coefficients. redriven: published again; what became of that stands at its new place. applied: a later replay could read it. discarded: settled without being applied.',
}

const LETTER_FIELDS: Record<string, Schema> = {
  ...PLACE,
  reason: { type: 'string', description: 'Why it was refused: one of the reasons of this build, or of another one.' },
  detail: {
    type: 'string',
    description: 'The same of this record, as text; whatever its producer wrote may be in it.',
  },
  consumer: { type: 'string', description: 'The learner that refused it.' },
  recorded_at: TIME,
  state: STATE,
  dead_letter: orNull(record({ topic: { type: 'string' }, ...PLACE }, 'Its place in the dead-letter topic.')),
  redriven_to: orNull(record(PLACE)),
  redriven_at: TIME_OR_NULL,
  applied_at: TIME_OR_NULL,
  discarded: orNull(record({ at: TIME, by: { type: 'string' }, reason: { type: 'string' } })),
  redrives: { ...WHOLE, description: 'How often its record had been published again when it was refused.' },
  redrive_of: { ...orNull(record(PLACE)), description: 'What its record is a copy of.' },
  redriving_from: {
    type: ['integer', 'null'],
    description: 'A redrive was begun and not noted as done: its copy, if there is one, lies at this offset or behind.',
  },
  topic_id: { type: 'string', description: 'The id of the topic that its record is of; empty: not known.' },
  record_ms: { type: 'integer', description: 'The record’s own time, ms; 0: not known.' },
}

const LETTER = record(LETTER_FIELDS)

const SKIPPED: Schema = {
  type: 'array',
  description: 'Those that were left as they are, and why.',
  items: record({ ...PLACE, code: { type: 'string' }, why: { type: 'string', description: 'In words.' } }),
}

const TOPIC: Schema = { type: 'string', description: 'The topic whose records they are.' }
const BYTES = { bytes: WHOLE, hex: { type: 'string' }, text: { type: 'string', description: 'Read as UTF-8.' } }

export const LETTER_LIST: Schema = {
  title: 'DeadLetters',
  ...record({
    topic: TOPIC,
    dead_letters: { type: 'array', items: LETTER, description: 'By partition and offset.' },
    by_reason: {
      type: 'object',
      additionalProperties: WHOLE,
      description: 'How many the filter takes, by reason; also of those that are not listed.',
    },
    total: { ...WHOLE, description: 'All of these together.' },
  }),
}

export const LETTER_WHOLE: Schema = {
  title: 'DeadLetter',
  ...record({
    topic: TOPIC,
    ...LETTER_FIELDS,
    what: { type: 'string', description: 'What the reason means.' },
    todo: { type: 'string', description: 'What one can do about it.' },
    refusals: {
      type: 'array',
      description: 'By each version that refused it.',
      items: record({
        consumer: { type: 'string' },
        reason: { type: 'string' },
        detail: { type: 'string' },
        recorded_at: TIME,
        applied_at: TIME_OR_NULL,
      }),
    },
    history: {
      type: 'array',
      items: LETTER,
      description: 'Of its record, of what that is a copy of, and of its copies: by place.',
    },
    copies: {
      type: 'array',
      description: 'Copies that are no letters. taken: the learner that readers see has come past them.',
      items: record({ ...PLACE, taken: { type: 'boolean' } }),
    },
    record: orNull(
      record(
        {
          from: { enum: ['topic', 'dead-letter topic'] },
          incomplete: { type: ['string', 'null'], description: 'Of a copy: what is missing of it.' },
          time: { type: 'string' },
          key: orNull(record(BYTES)),
          headers: { type: 'array', items: record({ name: { type: 'string' }, ...BYTES }) },
          value: {
            type: ['object', 'null'],
            description:
              'Its bytes, and these taken apart as far as it goes. format: none, text, bytes, frame (why), or avro: schema, fields (field, at, end, value), stopped (why reading stops, and at which byte), rest_at and rest (what nothing was made of, hexadecimal).',
            required: ['bytes', 'hex', 'text', 'format'],
          },
        },
        'null: neither topic has it any more.',
      ),
    ),
  }),
}

export const REDRIVEN: Schema = {
  title: 'Redriven',
  anyOf: [
    record({
      topic: TOPIC,
      redriven: {
        type: 'array',
        items: record({
          ...PLACE,
          to: record(PLACE),
          published: {
            type: 'boolean',
            description: 'false: it had been published before, by a redrive that was interrupted; now that is noted.',
          },
        }),
      },
      skipped: SKIPPED,
    }),
    record(
      {
        topic: TOPIC,
        would_redrive: {
          type: 'array',
          items: record({
            ...PLACE,
            reason: { type: 'string' },
            redrives: WHOLE,
            from: { enum: ['topic', 'dead-letter topic'] },
            to: record({ topic: { type: 'string' }, partition: WHOLE }),
          }),
        },
        skipped: SKIPPED,
      },
      'With dry_run.',
    ),
  ],
}

export const DISCARDED: Schema = {
  title: 'Discarded',
  anyOf: [
    record({ topic: TOPIC, discarded: { type: 'array', items: record(PLACE) }, skipped: SKIPPED }),
    record({ topic: TOPIC, would_discard: { type: 'array', items: record(PLACE) }, skipped: SKIPPED }, 'With dry_run.'),
  ],
}

export const REOPENED: Schema = {
  title: 'Reopened',
  ...record({ topic: TOPIC, reopened: { type: 'array', items: record(PLACE) }, skipped: SKIPPED }),
}

const REASONS: Schema = { type: 'array', minItems: 1, items: { enum: REJECT_REASONS } }

const PLACES: Schema = {
  type: 'array',
  minItems: 1,
  maxItems: 10_000,
  items: { type: 'string', pattern: '^\\d{1,9}:\\d{1,15}$' },
  description: 'the places of letters, each as partition:offset, e.g. ["3:17"].',
}

const FILTER: Record<string, Schema> = {
  since: { ...TIME, description: 'an ISO 8601 time with a zone: only those that were refused from then on.' },
  until: { ...TIME, description: 'an ISO 8601 time with a zone: only those that were refused before then.' },
  partition: { type: 'array', minItems: 1, items: WHOLE, description: 'partitions: only those of these.' },
}
const MAX: Schema = { ...WHOLE, description: 'a whole number: at most so many.' }
const DRY_RUN: Schema = { type: 'boolean', description: 'true: only says which, and changes nothing.' }

const request = (title: string, properties: Record<string, Schema>, required: string[] = []): Schema => ({
  title,
  type: 'object',
  additionalProperties: false,
  required,
  properties,
})

export const REDRIVE: Schema = request('Redrive', {
  places: PLACES,
  all: { type: 'boolean', description: 'true: every open one whose record was not redriven before.' },
  reason: { ...REASONS, description: 'reasons: only those that were refused for one of these.' },
  ...FILTER,
  again: {
    type: 'boolean',
    description: 'true: with all or a filter also those that were redriven before and refused again.',
  },
  force: { type: 'boolean', description: 'true: those that are named, however often they were redriven.' },
  max: MAX,
  dry_run: DRY_RUN,
})

export const DISCARD: Schema = request(
  'Discard',
  {
    places: PLACES,
    reason: { type: 'string', maxLength: 1_000, description: 'a few words: why, for whoever looks at it later.' },
    refused_for: { ...REASONS, description: 'reasons: only those that were refused for one of these.' },
    ...FILTER,
    max: MAX,
    dry_run: DRY_RUN,
  },
  ['reason'],
)

export const REOPEN: Schema = request('Reopen', { places: PLACES }, ['places'])
