/** Model versions over HTTP: what `./strandline models`, `promote`, `rollback`, `drop` and `rebuild` do, and print with --json. */
import type { Operation } from '../../core/api/operation.ts'
import { modelNames } from '../../core/load-model.ts'
import { drop } from '../../services/learner/drop.ts'
import { listVersions } from '../../services/learner/list-versions.ts'
import { planPromotion } from '../../services/learner/plan-promotion.ts'
import { type PromoteOptions, promote, type RollbackOptions, rollback } from '../../services/learner/promote.ts'
import { createVersionSizeStore } from '../../services/learner/version-size-store.ts'
import { readVersionSizes } from '../../services/learner/version-sizes.ts'
import type { PageDeps } from '../deps.ts'
import { changing } from '../operate.ts'
import { createKeptSizes } from './kept-sizes.ts'
import type { RebuildState } from './rebuilds.ts'
import {
  DROP,
  DROPPED,
  MODELS,
  PREVIEW,
  PROMOTE,
  PROMOTION,
  REBUILD,
  REBUILD_STATE,
  ROLLBACK,
  STOP,
} from './schemas.ts'

/** Whoever sees it knows what can be asked for as well. */
export type RebuildAnswer = RebuildState & { shipped: string[] }

const READ_ONLY = '403 of a page that only reads.'

export function modelOperations({ store, log, clock, rebuilds, operate }: PageDeps): Operation[] {
  const deps = { store, log, clock }
  const sizes = createKeptSizes(() => readVersionSizes(createVersionSizeStore(store)), clock)
  const answered = (state: RebuildState): [number, RebuildAnswer] => [200, { ...state, shipped: modelNames() }]

  const reading: Operation[] = [
    {
      method: 'GET',
      path: '/v1/models',
      operationId: 'models',
      summary: 'The model versions, and which one readers see',
      description:
        'As ./strandline models --json. Which one is active, and how far each is behind, is of now; where counting all rows takes long, events, coefficients and size may be of up to nine times as long ago.',
      answers: { 200: { description: 'All of them.', schema: MODELS } },
      refusals: [],
      invalid: 'USAGE',
      handle: async () => [200, { models: await listVersions(deps, undefined, sizes) }],
    },
    {
      method: 'GET',
      path: '/v1/models/preview',
      operationId: 'preview-promotion',
      summary: 'What a promotion would change for readers',
      description: 'As ./strandline promote --dry-run --json. It changes nothing.',
      query: {
        name: {
          description: 'the name of a version; without it: what is newer of the model that readers see.',
          schema: { minLength: 1 },
          example: 'lowcap-v5',
        },
        topic: {
          description: 'the name of a topic: which of its versions, where a model learns from several.',
          schema: { minLength: 1 },
          example: 'pm.position-closed.v1',
        },
      },
      answers: { 200: { description: 'How many appear, vanish and move, and the largest moves.', schema: PREVIEW } },
      refusals: [],
      invalid: 'USAGE',
      handle: async ({ query: { name, topic } }) => [200, await planPromotion(deps, { name, topic })],
    },
    {
      method: 'GET',
      path: '/v1/models/rebuild',
      operationId: 'rebuild-state',
      summary: 'The rebuild that this page runs',
      answers: { 200: { description: 'How far it is, and how the last one ended.', schema: REBUILD_STATE } },
      refusals: [],
      invalid: 'USAGE',
      handle: async () => answered(rebuilds.state()),
    },
  ]

  const writing: Operation[] = [
    {
      method: 'POST',
      path: '/v1/models/promote',
      operationId: 'promote-model',
      summary: 'Switch readers to a version',
      description: `As ./strandline promote --json. 409 MODEL_BEHIND while it is empty, or has not applied all of its log, 409 LOG_CHECKPOINT_LOST where the brokers have another log, unless force is true. ${READ_ONLY}`,
      body: PROMOTE,
      answers: { 200: { description: 'What readers see now, and what they saw before.', schema: PROMOTION } },
      refusals: [409],
      invalid: 'USAGE',
      handle: async ({ body }) => [200, await promote(deps, body as PromoteOptions)],
    },
    {
      method: 'POST',
      path: '/v1/models/rollback',
      operationId: 'roll-back-model',
      summary: 'Back to the version that readers saw before',
      description: `As ./strandline rollback --json; said again, it goes one further back. ${READ_ONLY}`,
      body: ROLLBACK,
      answers: { 200: { description: 'What readers see now, and what was left.', schema: PROMOTION } },
      refusals: [409],
      invalid: 'USAGE',
      handle: async ({ body }) => [200, await rollback(deps, body as RollbackOptions)],
    },
    {
      method: 'POST',
      path: '/v1/models/drop',
      operationId: 'drop-model',
      summary: 'Take a version away',
      description: `As ./strandline drop --json. Never what readers see; the log keeps every trade. Broken off, it goes on when it is said again. ${READ_ONLY}`,
      body: DROP,
      answers: { 200: { description: 'What was taken away.', schema: DROPPED } },
      refusals: [409],
      invalid: 'USAGE',
      handle: async ({ body }) => [200, await drop(deps, body as { name: string; topic?: string })],
    },
    {
      method: 'POST',
      path: '/v1/models/rebuild',
      operationId: 'rebuild-model',
      summary: 'Fold the whole log into a new version, beside what readers see',
      description: `As ./strandline rebuild, but that it takes no file: it begins, or goes on with one that was begun, and answers when it is known which version that is. How far it is: GET /v1/models/rebuild. ${READ_ONLY}`,
      body: REBUILD,
      answers: { 200: { description: 'It has begun.', schema: REBUILD_STATE } },
      refusals: [409],
      invalid: 'USAGE',
      handle: async ({ body }) => answered(await rebuilds.begin((body as { model?: string }).model)),
    },
    {
      method: 'POST',
      path: '/v1/models/rebuild/stop',
      operationId: 'stop-rebuild',
      summary: 'Give the rebuild up that this page runs',
      description: `What is applied by then stays: it goes on when it is asked for again. ${READ_ONLY}`,
      body: STOP,
      answers: { 200: { description: 'It is being given up.', schema: REBUILD_STATE } },
      refusals: [],
      invalid: 'USAGE',
      handle: async () => answered(rebuilds.giveUp()),
    },
  ]
  return [...reading, ...writing.map(changing(operate))]
}
