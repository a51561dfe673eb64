import { readdirSync, readFileSync } from 'node:fs'
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import avro from 'avsc'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCodec, frame } from '../../core/codec/position-closed-codec.ts'
import type { Config } from '../../core/config.ts'
import { UNSAID } from '../../domain/event.ts'
import { type Registry, startRegistry } from '../../services/registry/index.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'

let kafka: TestKafka
let registry: Registry
beforeAll(async () => {
  kafka = await createTestKafka()
  registry = await startRegistry({ brokers: [kafka.brokers], port: 0 })
})
afterAll(async () => {
  await registry?.stop()
  await kafka?.close()
})

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json'

async function call(method: string, path: string, body?: unknown, at = registry.url) {
  const response = await fetch(at + path, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': MEDIA_TYPE }, body: JSON.stringify(body) }),
  })
  expect(response.headers.get('content-type')).toBe(MEDIA_TYPE)
  return { status: response.status, body: JSON.parse(await response.text()) }
}

const record = (...fields: object[]) => ({ schema: JSON.stringify({ type: 'record', name: 'Trade', fields }) })
const id = { name: 'id', type: 'string' }
const note = { name: 'note', type: 'string', default: '' }
const strict = { name: 'venue', type: 'string' }

async function subject(...schemas: object[]): Promise<string> {
  const name = kafka.name('subject')
  for (const schema of schemas) expect((await call('POST', `/subjects/${name}/versions`, schema)).status).toBe(200)
  return name
}

describe('versions and ids', () => {
  test('versions count from 1, the same schema has one id everywhere, and registering it again changes nothing', async () => {
    const a = await subject(record(id), record(id, note))
    const [first, second] = [
      await call('GET', `/subjects/${a}/versions/1`),
      await call('GET', `/subjects/${a}/versions/latest`),
    ]
    expect(first.body).toMatchObject({ subject: a, version: 1, schema: record(id).schema })
    expect(second.body).toMatchObject({ subject: a, version: 2 })
    expect(second.body.id).not.toBe(first.body.id)
    const again = await call('POST', `/subjects/${a}/versions`, {
      schema: JSON.stringify(JSON.parse(record(id).schema), null, 2),
    })
    expect(again.body.id).toBe(first.body.id)
    expect((await call('GET', `/subjects/${a}/versions`)).body).toEqual([1, 2])

    const b = await subject(record(id))
    expect((await call('GET', `/subjects/${b}/versions/1`)).body.id).toBe(first.body.id)
    const users = (await call('GET', `/schemas/ids/${first.body.id}/versions`)).body
    expect(users).toEqual(
      expect.arrayContaining([
        { subject: a, version: 1 },
        { subject: b, version: 1 },
      ]),
    )
    expect((await call('GET', `/schemas/ids/${first.body.id}/subjects`)).body).toEqual(expect.arrayContaining([a, b]))
    expect((await call('GET', `/schemas/ids/${first.body.id}`)).body).toEqual({ schema: record(id).schema })
    expect((await call('GET', '/subjects')).body).toEqual(expect.arrayContaining([a, b]))
  })

  test('a schema is found in its subject by its text', async () => {
    const a = await subject(record(id))
    expect((await call('POST', `/subjects/${a}`, record(id))).body).toMatchObject({ subject: a, version: 1 })
    expect((await call('POST', `/subjects/${a}`, record(id, note))).body.error_code).toBe(40403)
    expect((await call('POST', `/subjects/${kafka.name()}`, record(id))).body.error_code).toBe(40401)
  })

  test('ids, levels, modes and deletions survive a restart, and new ids go on', async () => {
    const a = await subject(record(id), record(id, note))
    await call('PUT', `/config/${a}`, { compatibility: 'FULL_TRANSITIVE' })
    await call('DELETE', `/subjects/${a}/versions/1`)
    const before = (await call('GET', `/subjects/${a}/versions/2`)).body
    const other = await startRegistry({ brokers: [kafka.brokers], port: 0 })
    expect((await call('GET', `/subjects/${a}/versions/2`, undefined, other.url)).body).toEqual(before)
    expect((await call('GET', `/subjects/${a}/versions`, undefined, other.url)).body).toEqual([2])
    expect((await call('GET', `/config/${a}`, undefined, other.url)).body).toEqual({
      compatibilityLevel: 'FULL_TRANSITIVE',
    })
    const fresh = record({ name: kafka.name('f').replace('-', '_'), type: 'int' })
    const next = await call('POST', `/subjects/${kafka.name('subject')}/versions`, fresh, other.url)
    expect(next.body.id).toBeGreaterThan(before.id)

    // Both registries are on one topic: what the other one registered is known here too, and gets no second id.
    expect((await call('GET', `/schemas/ids/${next.body.id}`)).body.schema).toBe(next.body.schema)
    expect((await call('POST', `/subjects/${a}-x/versions`, fresh)).body.id).toBe(next.body.id)
    await other.stop()
  })
})

describe('compatibility', () => {
  test('is BACKWARD at first; an incompatible schema is refused with 409 and the reason', async () => {
    expect((await call('GET', '/config')).body).toEqual({ compatibilityLevel: 'BACKWARD' })
    const a = await subject(record(id))
    const refused = await call('POST', `/subjects/${a}/versions`, record(id, strict))
    expect(refused).toMatchObject({ status: 409, body: { error_code: 409, message: expect.stringContaining('venue') } })
    expect((await call('POST', `/compatibility/subjects/${a}/versions/latest`, record(id, strict))).body).toEqual({
      is_compatible: false,
    })
    expect((await call('POST', `/compatibility/subjects/${a}/versions/1?verbose=true`, record(id, note))).body).toEqual(
      { is_compatible: true, messages: [] },
    )
    expect((await call('GET', `/subjects/${a}/versions`)).body).toEqual([1])
  })

  test('follows the level of the subject, else the global one', async () => {
    const a = await subject(record(id))
    expect((await call('GET', `/config/${a}`)).body.error_code).toBe(40408)
    expect((await call('GET', `/config/${a}?defaultToGlobal=true`)).body).toEqual({ compatibilityLevel: 'BACKWARD' })
    expect((await call('PUT', `/config/${a}`, { compatibility: 'NONE' })).body).toEqual({ compatibility: 'NONE' })
    expect((await call('POST', `/subjects/${a}/versions`, record(id, strict))).status).toBe(200)
    expect((await call('PUT', `/config/${a}`, { compatibility: 'SOMETIMES' })).body.error_code).toBe(42203)
  })

  test('a transitive level looks at all versions, not only the last', async () => {
    const a = await subject(record(id), record(id, strict, note).schema ? record(id, { ...strict, default: 'x' }) : {})
    await call('PUT', `/config/${a}`, { compatibility: 'BACKWARD_TRANSITIVE' })
    expect((await call('POST', `/subjects/${a}/versions`, record(id, strict))).status).toBe(409)
    await call('PUT', `/config/${a}`, { compatibility: 'BACKWARD' })
    expect((await call('POST', `/subjects/${a}/versions`, record(id, strict))).status).toBe(200)
  })
})

describe('refusals', () => {
  test.each([
    ['GET', '/subjects/none-such/versions', undefined, 404, 40401],
    ['GET', '/schemas/ids/999999', undefined, 404, 40403],
    ['GET', '/subjects/s/versions/zero', undefined, 422, 42202],
    ['POST', '/subjects/s/versions', { schema: '{"type":"nonsense"}' }, 422, 42201],
    ['POST', '/subjects/s/versions', { schema: 'not json' }, 422, 42201],
    ['POST', '/subjects/s/versions', {}, 422, 42201],
    ['POST', '/subjects/s/versions', { schema: '{}', schemaType: 'PROTOBUF' }, 422, 42201],
    ['POST', '/subjects/s/versions', { schema: '{}', schemaType: { toString: 1, valueOf: 1 } }, 422, 42201],
    ['POST', '/subjects/s/versions', { schema: '"string"', references: [null] }, 422, 42201],
    ['POST', '/subjects/s/versions', { schema: `${'['.repeat(9_999)}${']'.repeat(9_999)}` }, 422, 42201],
    ['PUT', '/config/s', { compatibility: { toString: 1, valueOf: 1 } }, 422, 42203],
    ['PUT', '/mode/s', { mode: { toString: 1, valueOf: 1 } }, 422, 42204],
    ['GET', '/mode/none-such', undefined, 404, 40409],
    ['GET', '/nothing/here', undefined, 404, 404],
  ])('%s %s %j is %i %i', async (method, path, body, status, code) => {
    const answer = await call(method, path, body)
    expect(answer).toMatchObject({ status, body: { error_code: code, message: expect.any(String) } })
  })

  test('a version that does not exist is 40402', async () => {
    const a = await subject(record(id))
    expect((await call('GET', `/subjects/${a}/versions/7`)).body.error_code).toBe(40402)
  })

  test('a read-only subject takes no schema', async () => {
    const a = await subject(record(id))
    await call('PUT', `/mode/${a}`, { mode: 'READONLY' })
    expect((await call('POST', `/subjects/${a}/versions`, record(id, note))).body.error_code).toBe(42205)
    await call('DELETE', `/mode/${a}`)
    expect((await call('POST', `/subjects/${a}/versions`, record(id, note))).status).toBe(200)
  })
})

test('a version is deleted softly first, then for good; its id stays readable until then', async () => {
  const unique = record({ name: kafka.name('f').replace('-', '_'), type: 'int' })
  const a = await subject(unique)
  const { id: schemaId } = (await call('GET', `/subjects/${a}/versions/1`)).body
  expect((await call('DELETE', `/subjects/${a}?permanent=true`)).body.error_code).toBe(40405)
  expect((await call('DELETE', `/subjects/${a}/versions/1`)).body).toBe(1)
  expect((await call('GET', `/subjects/${a}/versions`)).body.error_code).toBe(40401)
  expect((await call('GET', `/subjects/${a}/versions?deleted=true`)).body).toEqual([1])
  expect((await call('GET', `/schemas/ids/${schemaId}`)).status).toBe(200)
  expect((await call('DELETE', `/subjects/${a}`)).body.error_code).toBe(40404)
  expect((await call('DELETE', `/subjects/${a}?permanent=true`)).body).toEqual([1])
  expect((await call('GET', `/schemas/ids/${schemaId}`)).body.error_code).toBe(40403)
})

test('a schema that another one refers to can be used by it and not be deleted', async () => {
  const inner = { schema: JSON.stringify({ type: 'record', name: 'Inner', fields: [id] }) }
  const a = await subject(inner)
  const outer = {
    schema: JSON.stringify({ type: 'record', name: 'Outer', fields: [{ name: 'inner', type: 'Inner' }] }),
    references: [{ name: 'Inner', subject: a, version: 1 }],
  }
  expect((await call('POST', `/subjects/${kafka.name('s')}/versions`, { schema: outer.schema })).body.error_code).toBe(
    42201,
  )
  const b = await subject(outer)
  const { id: outerId } = (await call('GET', `/subjects/${b}/versions/1`)).body
  expect((await call('GET', `/subjects/${a}/versions/1/referencedby`)).body).toEqual([outerId])
  expect((await call('DELETE', `/subjects/${a}/versions/1`)).body.error_code).toBe(42206)
})

test('the kafkajs client registers, encodes and decodes through it', async () => {
  const client = new SchemaRegistry({ host: registry.url })
  const { id: schemaId } = await client.register(
    { type: SchemaType.AVRO, ...record(id) },
    { subject: kafka.name('client') },
  )
  const bytes = await client.encode(schemaId, { id: 't-1' })
  expect(await new SchemaRegistry({ host: registry.url }).decode(bytes)).toMatchObject({ id: 't-1' })
})

test('the topic holds the records that Confluent writes', async () => {
  const a = await subject(record(id))
  const records: { key: string; value: string }[] = []
  const { readAll } = await import('../../core/log/read-all.ts')
  await readAll(
    kafka.log,
    '_schemas',
    ({ key, value }) => void records.push({ key: String(key), value: String(value) }),
  )
  const mine = records.find((r) => r.key === `{"keytype":"SCHEMA","subject":"${a}","version":1,"magic":1}`)
  expect(JSON.parse(mine!.value)).toEqual({
    subject: a,
    version: 1,
    id: expect.any(Number),
    schema: record(id).schema,
    deleted: false,
  })
})

test('the released versions of our schema follow each other under FULL_TRANSITIVE, and what was written under each is read', async () => {
  const dir = new URL('../../schemas/released/', import.meta.url)
  const released = readdirSync(dir)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((file) => readFileSync(new URL(file, dir), 'utf8'))
  const topic = kafka.name('closed')
  const subject = `${topic}-value`
  await call('PUT', `/config/${subject}`, { compatibility: 'FULL_TRANSITIVE' })
  const ids: number[] = []
  for (const schema of released) {
    const { status, body } = await call('POST', `/subjects/${subject}/versions`, { schema })
    expect(status, JSON.stringify(body)).toBe(200)
    ids.push(body.id)
  }
  const codec = createCodec({ topic, registry: { url: registry.url } } as Config)
  const event = closedTrade({ net_return: 0.4, fees: 0.2, stake: 2, risk_at_entry: 0.05, provisional: false })
  const newest = await codec.encode(event)
  expect(newest.readInt32BE(1)).toBe(ids.at(-1))
  expect(await codec.decode(newest)).toEqual(event)
  const first = frame(ids[0]!, avro.Type.forSchema(JSON.parse(released[0]!)).toBuffer(event))
  expect(await codec.decode(first)).toEqual({ ...event, ...UNSAID })
  expect((await call('GET', `/subjects/${subject}/versions`)).body).toEqual(released.map((_, i) => i + 1))
})
