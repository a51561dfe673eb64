/** Dead letters over HTTP: what `./strandline dead-letters` does, and prints with --json. */
import type { Asked, Operation, Parameter } from '../../core/api/operation.ts'
import { createRegistryClient } from '../../core/codec/registry.ts'
import { StrandlineError } from '../../core/errors.ts'
import { createLagStore } from '../../core/lag/lag-store.ts'
import { REJECT_REASONS } from '../../domain/validation.ts'
import { type Bulk, requireChoice } from '../../services/learner/choose-letters.ts'
import { deadLetterJson } from '../../services/learner/dead-letter-json.ts'
import { letterList } from '../../services/learner/dead-letter-list.ts'
import { createDeadLetterStore, type LetterFilter, type Place } from '../../services/learner/dead-letter-store.ts'
import { describeDeadLetter } from '../../services/learner/describe-dead-letter.ts'
import { parsePlace, placeText } from '../../services/learner/place.ts'
import { previewChosen, previewJson, redriveChosen } from '../../services/learner/redrive-chosen.ts'
import { discardChosen, reopenChosen, requireWhy } from '../../services/learner/settle-chosen.ts'
import { pageAuthor } from '../author.ts'
import type { PageDeps } from '../deps.ts'
import { changing } from '../operate.ts'
import { MOMENT, timeOf, wholeOf } from '../parameters.ts'
import { DISCARD, DISCARDED, LETTER_LIST, LETTER_WHOLE, REDRIVE, REDRIVEN, REOPEN, REOPENED } from './schemas.ts'

/** Letters of one answer. */
const PAGE = 200
const MOST = 1_000

const QUERY: Record<string, Parameter> = {
  reason: {
    description: 'reasons, separated by commas: only those that were refused for one of these.',
    example: 'bad_magic,truncated',
  },
  partition: { description: 'partitions, separated by commas: only those of these.', example: '0,3' },
  since: {
    description: `${MOMENT.as_of.description.split(':')[0]}: refused from then on.`,
    example: '2026-05-01T00:00Z',
  },
  until: {
    description: `${MOMENT.as_of.description.split(':')[0]}: refused before then.`,
    example: '2026-06-01T00:00Z',
  },
  all: {
    description: 'true: also those that were redriven, discarded, or applied since.',
    schema: { enum: ['true', 'false'] },
    example: 'true',
  },
  after: { description: 'a place, partition:offset: only those behind it.', example: '3:17' },
  limit: { description: `a whole number up to ${MOST}: at most so many; without it ${PAGE}.`, example: '50' },
}

const WHICH = 'Give places, or choose by all: true, reason, since, until or partition.'
const WHICH_DISCARDED = 'Give places, or choose by refused_for, since, until or partition.'

interface Filter {
  reason?: string[]
  partition?: number[]
  since?: string
  until?: string
}

interface Chosen extends Omit<Filter, 'reason'> {
  places?: string[]
  max?: number
  dry_run?: boolean
}

export interface RedriveBody extends Chosen {
  reason?: string[]
  all?: boolean
  again?: boolean
  force?: boolean
}

export interface DiscardBody extends Chosen {
  reason: string
  refused_for?: string[]
}

export function deadLetterOperations({ store, log, config, operate }: PageDeps): Operation[] {
  const { topic } = config
  const letters = createDeadLetterStore(store)
  const onlyLooks = ({ body }: Asked) => (body as Chosen).dry_run === true

  const listing: Operation = {
    method: 'GET',
    path: '/v1/dead-letters',
    operationId: 'dead-letters',
    summary: 'Records that could not be applied',
    description: 'As ./strandline dead-letters list --json, in pages: `total` says how many there are.',
    query: QUERY,
    answers: { 200: { description: 'By partition and offset.', schema: LETTER_LIST } },
    refusals: [],
    invalid: 'USAGE',
    async handle({ query }) {
      const after = query.after === undefined ? undefined : placeOf(query.after)
      const limit = wholeOf('limit', query.limit, PAGE, MOST)
      const filter = filterOf({
        reason: query.reason?.split(',').map(reasonOf),
        partition: query.partition?.split(',').map((p) => wholeOf('partition', p, 0)),
        since: query.since,
        until: query.until,
      })
      const list = await letterList(letters, topic, { all: query.all === 'true', filter, limit, after })
      return [200, { ...list, total: Object.values(list.by_reason).reduce((sum, n) => sum + n, 0) }]
    },
  }

  const showing: Operation = {
    method: 'GET',
    path: '/v1/dead-letters/{partition}/{offset}',
    operationId: 'dead-letter',
    summary: 'Everything about one of them',
    description:
      'As ./strandline dead-letters show --json: why, its history, and its record, taken apart as far as it goes.',
    params: {
      partition: { description: 'the partition of the record.', schema: { pattern: '^\\d{1,9}$' }, example: '3' },
      offset: { description: 'its offset.', schema: { pattern: '^\\d{1,15}$' }, example: '17' },
    },
    answers: { 200: { description: 'The letter.', schema: LETTER_WHOLE } },
    refusals: [404],
    invalid: 'USAGE',
    async handle({ params }) {
      const at = { partition: Number(params.partition), offset: Number(params.offset) }
      const deps = { store: letters, lag: createLagStore(store), log, registry: createRegistryClient(config.registry) }
      const described = await describeDeadLetter(deps, topic, at)
      if (described) return [200, deadLetterJson(topic, described)]
      throw new StrandlineError('LETTER_UNKNOWN', `There is no dead letter ${placeText(at)} of ${topic}.`, {
        todo: 'Look at the list of all of them.',
      })
    },
  }

  const redriving: Operation = {
    method: 'POST',
    path: '/v1/dead-letters/redrive',
    operationId: 'redrive-dead-letters',
    summary: 'Publish records again',
    description:
      'As ./strandline dead-letters redrive --json. What is good now counts once, however often it is published; what is refused again is a letter again, at its new place. With dry_run it only looks, which a page that only reads does as well; else that answers 403.',
    body: REDRIVE,
    examples: { look: { summary: 'What would be redriven', value: { all: true, dry_run: true } } },
    answers: { 200: { description: 'What was, or would be, published where.', schema: REDRIVEN } },
    refusals: [],
    invalid: 'USAGE',
    async handle({ body }) {
      const { places, all, again, force, max, dry_run, ...asked } = body as RedriveBody
      const filter = filterOf(asked)
      const choice = { named: namedOf(places), bulk: bulkOf(all === true, filter), again, force, max }
      requireChoice(choice, WHICH)
      if (force && choice.bulk)
        throw new StrandlineError('USAGE', 'force takes letters that are named.', { todo: 'Give their places.' })
      const deps = { store: letters, log }
      if (dry_run) return [200, previewJson(await previewChosen(deps, topic, choice))]
      return [200, await redriveChosen(deps, topic, choice)]
    },
  }

  const discarding: Operation = {
    method: 'POST',
    path: '/v1/dead-letters/discard',
    operationId: 'discard-dead-letters',
    summary: 'Settle them without applying them',
    description:
      'As ./strandline dead-letters discard --json. Who, when and why is kept; the records stay in both topics. With dry_run it only looks, which a page that only reads does as well; else that answers 403.',
    body: DISCARD,
    examples: {
      look: {
        summary: 'Which would be discarded',
        value: { refused_for: ['bad_magic'], reason: 'JSON of the first exporter', dry_run: true },
      },
    },
    answers: { 200: { description: 'Which were, or would be, discarded.', schema: DISCARDED } },
    refusals: [],
    invalid: 'USAGE',
    async handle({ body }) {
      const { places, reason, refused_for, max, dry_run, ...asked } = body as DiscardBody
      const why = requireWhy(reason, 'reason', 'refused_for')
      const filter = filterOf({ ...asked, reason: refused_for })
      const choice = { named: namedOf(places), bulk: bulkOf(false, filter), max }
      requireChoice(choice, WHICH_DISCARDED)
      const done = await discardChosen(letters, topic, { ...choice, dryRun: dry_run, by: pageAuthor(), why })
      return [200, { topic, [dry_run ? 'would_discard' : 'discarded']: done.settled, skipped: done.skipped }]
    },
  }

  const reopening: Operation = {
    method: 'POST',
    path: '/v1/dead-letters/reopen',
    operationId: 'reopen-dead-letters',
    summary: 'Take a discard back',
    description: 'As ./strandline dead-letters reopen --json. 403 of a page that only reads.',
    body: REOPEN,
    answers: { 200: { description: 'Which are open again.', schema: REOPENED } },
    refusals: [],
    invalid: 'USAGE',
    async handle({ body }) {
      const { settled, skipped } = await reopenChosen(letters, topic, namedOf((body as Chosen).places))
      return [200, { topic, reopened: settled, skipped }]
    },
  }

  return [
    listing,
    showing,
    changing(operate, onlyLooks)(redriving),
    changing(operate, onlyLooks)(discarding),
    changing(operate)(reopening),
  ]
}

/** undefined: nothing is chosen by. */
function filterOf({ reason, partition, since, until }: Filter): LetterFilter | undefined {
  const chosen = [reason, partition, since, until].some((option) => option !== undefined)
  if (!chosen) return undefined
  return { reasons: reason, partitions: partition, since: timeOf('since', since), until: timeOf('until', until) }
}

const bulkOf = (all: boolean, filter: LetterFilter | undefined): Bulk => (all || filter ? { filter } : undefined)

const namedOf = (places: string[] = []): Place[] => places.map(placeOf)

const placeOf = (text: string): Place => {
  const place = parsePlace(text)
  if (place) return place
  throw new StrandlineError('USAGE', `${JSON.stringify(text)} is no place.`, {
    todo: 'Write partition:offset, e.g. 3:17.',
  })
}

const reasonOf = (text: string): string => {
  if ((REJECT_REASONS as string[]).includes(text)) return text
  throw new StrandlineError('USAGE', `No record is refused for ${JSON.stringify(text)}.`, {
    todo: `Use one of: ${REJECT_REASONS.join(', ')}.`,
  })
}
