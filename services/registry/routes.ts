/** The HTTP face of the registry: the paths, bodies and errors that Confluent clients, kcat and Redpanda Console know. */
import type { FastifyInstance } from 'fastify'
import * as errors from './errors.ts'
import * as ops from './operations.ts'
import type { SchemaValue } from './records.ts'
import { DEFAULT_LEVEL, DEFAULT_MODE } from './state.ts'
import type { RegistryStore } from './store.ts'

type Query = Record<string, string | undefined>
type Params = Record<string, string>

export function addRegistryRoutes(app: FastifyInstance, store: RegistryStore): void {
  const on = (query: unknown, name: string) => /^true$/i.test((query as Query)[name] ?? '')

  /** Answers from memory; what is not there may have been written by another registry on the same topic. */
  async function read<T>(answer: () => T): Promise<T> {
    try {
      return answer()
    } catch (error) {
      if (!(error instanceof errors.RegistryError) || error.status !== 404) throw error
      await store.refresh()
      return answer()
    }
  }
  const get = (path: string, answer: (p: Params, q: Query) => unknown) =>
    app.get(path, (request) => read(() => answer(request.params as Params, request.query as Query)))

  app.get('/', async () => ({}))
  app.get('/healthz', async () => ({ status: 'ok' }))
  get('/schemas/types', () => ['AVRO'])
  get('/contexts', () => ['.'])
  get('/v1/metadata/id', () => ({ scope: { path: [], clusters: {} }, id: '' }))

  // Schemas by id: what a decoder asks.
  get('/schemas/ids/:id', ({ id }, q) => {
    const value = withId(store, id!)[0]!
    return {
      schema: value.schema,
      ...referencesOf(value),
      ...(on(q, 'fetchMaxId') ? { maxId: store.state().maxId } : {}),
    }
  })
  app.get('/schemas/ids/:id/schema', async (request, reply) => {
    const value = await read(() => withId(store, (request.params as Params).id!)[0]!)
    return reply.send(Buffer.from(value.schema))
  })
  get('/schemas/ids/:id/versions', ({ id }, q) =>
    withId(store, id!)
      .filter((v) => on(q, 'deleted') || !v.deleted)
      .map(({ subject, version }) => ({ subject, version })),
  )
  get('/schemas/ids/:id/subjects', ({ id }, q) =>
    [
      ...new Set(
        withId(store, id!)
          .filter((v) => on(q, 'deleted') || !v.deleted)
          .map((v) => v.subject),
      ),
    ].sort(),
  )
  get('/schemas', (_, q) => {
    const state = store.state()
    const prefix = q.subjectPrefix ?? ''
    return state
      .subjects(on(q, 'deleted'))
      .filter((s) => s.startsWith(prefix))
      .flatMap((s) => state.versions(s, on(q, 'deleted')).slice(on(q, 'latestOnly') ? -1 : 0))
      .map(describe)
  })

  // Subjects and versions.
  get('/subjects', (_, q) =>
    store
      .state()
      .subjects(on(q, 'deleted'))
      .filter((s) => s.startsWith(q.subjectPrefix ?? '')),
  )
  get('/subjects/:subject/versions', ({ subject }, q) => {
    const versions = store.state().versions(subject!, on(q, 'deleted'))
    if (versions.length === 0) throw errors.subjectNotFound(subject!)
    return versions.map((v) => v.version)
  })
  const version = ({ subject, version }: Params, q: Query) =>
    store.state().version(subject!, versionOf(version!), on(q, 'deleted'))
  get('/subjects/:subject/versions/:version', (p, q) => describe(version(p, q)))
  app.get('/subjects/:subject/versions/:version/schema', async (request, reply) => {
    const value = await read(() => version(request.params as Params, request.query as Query))
    return reply.send(Buffer.from(value.schema))
  })
  get('/subjects/:subject/versions/:version/referencedby', (p, q) => store.state().referencedBy(version(p, q)))

  app.post('/subjects/:subject/versions', async (request) => {
    const { subject } = request.params as Params
    const body = ops.schemaBody(request.body)
    const value = await store.write((state) => ops.register(state, subject!, body))
    return { id: value.id, version: value.version, schema: value.schema, ...referencesOf(value) }
  })
  app.post('/subjects/:subject', async (request) => {
    const { subject } = request.params as Params
    const same = ops.sameSchema(ops.schemaBody(request.body))
    return describe(await read(() => store.state().lookUp(subject!, same, on(request.query, 'deleted'))))
  })
  app.delete('/subjects/:subject', (request) => {
    const { subject } = request.params as Params
    return store.write((state) => ops.deleteSubject(state, subject!, on(request.query, 'permanent')))
  })
  app.delete('/subjects/:subject/versions/:version', async (request, reply) => {
    const p = request.params as Params
    const deleted = await store.write((state) =>
      ops.deleteVersion(state, p.subject!, versionOf(p.version!), on(request.query, 'permanent')),
    )
    return reply.send(JSON.stringify(deleted))
  })

  // Compatibility.
  app.post('/compatibility/subjects/:subject/versions/:version', async (request) => {
    const p = request.params as Params
    const body = ops.schemaBody(request.body)
    const against = await read(() => [store.state().version(p.subject!, versionOf(p.version!), false)])
    return verdict(ops.check(store.state(), p.subject!, body, against), on(request.query, 'verbose'))
  })
  app.post('/compatibility/subjects/:subject/versions', async (request) => {
    const { subject } = request.params as Params
    const body = ops.schemaBody(request.body)
    await store.refresh()
    return verdict(
      ops.check(store.state(), subject!, body, store.state().versions(subject!, false)),
      on(request.query, 'verbose'),
    )
  })

  // Settings: the global ones, and those of a subject.
  get('/config', () => ({ compatibilityLevel: store.state().level(null) }))
  get('/config/:subject', ({ subject }, q) => {
    const own = store.state().ownLevel(subject!)
    if (own === undefined && !on(q, 'defaultToGlobal')) throw errors.noSubjectLevel(subject!)
    return { compatibilityLevel: own ?? store.state().level(null) }
  })
  get('/mode', () => ({ mode: store.state().mode(null) }))
  get('/mode/:subject', ({ subject }, q) => {
    const own = store.state().ownMode(subject!)
    if (own === undefined && !on(q, 'defaultToGlobal')) throw errors.noSubjectMode(subject!)
    return { mode: own ?? store.state().mode(null) }
  })
  for (const path of ['/config', '/config/:subject']) {
    const subjectOf = (params: unknown) => (params as Params).subject ?? null
    app.put(path, async (request) => {
      const { compatibility } = (request.body ?? {}) as { compatibility?: unknown }
      return { compatibility: await store.write(() => ops.setLevel(subjectOf(request.params), compatibility)) }
    })
    app.delete(path, (request) => {
      const subject = subjectOf(request.params)
      return store.write((state) => ({
        records: [{ type: 'level', subject, level: null }],
        result: { compatibilityLevel: state.ownLevel(subject) ?? DEFAULT_LEVEL },
      }))
    })
  }
  for (const path of ['/mode', '/mode/:subject']) {
    const subjectOf = (params: unknown) => (params as Params).subject ?? null
    app.put(path, async (request) => {
      const { mode } = (request.body ?? {}) as { mode?: unknown }
      return { mode: await store.write(() => ops.setMode(subjectOf(request.params), mode)) }
    })
    app.delete(path, (request) => {
      const subject = subjectOf(request.params)
      return store.write((state) => ({
        records: [{ type: 'mode', subject, mode: null }],
        result: { mode: state.ownMode(subject) ?? DEFAULT_MODE },
      }))
    })
  }
}

function withId(store: RegistryStore, id: string): SchemaValue[] {
  const values = store.state().withId(Number(id))
  if (values.length === 0) throw errors.schemaIdNotFound(Number(id))
  return values
}

function versionOf(text: string): number | 'latest' {
  if (text === 'latest' || text === '-1') return 'latest'
  const version = Number(text)
  if (!/^\d+$/.test(text) || version < 1 || version > 2 ** 31 - 1) throw errors.invalidVersion(text)
  return version
}

function referencesOf(value: SchemaValue): object {
  return value.references?.length ? { references: value.references } : {}
}

function describe(value: SchemaValue): object {
  const { subject, version, id, schema } = value
  return { subject, version, id, ...referencesOf(value), schema }
}

function verdict(why: string[], verbose: boolean): object {
  return { is_compatible: why.length === 0, ...(verbose ? { messages: why } : {}) }
}
