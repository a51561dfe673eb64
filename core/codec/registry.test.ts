import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { findStrandlineError } from '../errors.ts'
import { positionClosedSchema } from './position-closed-codec.ts'
import { createRegistryClient } from './registry.ts'

const close: (() => void)[] = []
afterEach(() => {
  for (const stop of close.splice(0)) stop()
})

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  close.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A registry that gives the same answer to every question. */
const answering = (status: number, body: unknown) =>
  serve((_, response) => {
    response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
  } catch (error) {
    return findStrandlineError(error)?.code ?? `not ours: ${error}`
  }
  return undefined
}

describe("the writer's schema of an id", () => {
  it('is the Avro type that the registry has', async () => {
    const url = await answering(200, { schema: positionClosedSchema })
    expect(await createRegistryClient({ url }).writerType(1)).toHaveProperty('name', 'strandline.pm.v1.PositionClosed')
  })

  it('is none when the registry says that it does not know it', async () => {
    const url = await answering(404, { error_code: 40403, message: 'Schema 1 not found' })
    expect(await createRegistryClient({ url }).writerType(1)).toBeNull()
  })

  it.each([
    ['a JSON schema', { schemaType: 'JSON', schema: '{"type":"object"}' }],
    ['a Protobuf schema', { schemaType: 'PROTOBUF', schema: 'syntax = "proto3"; message A { string b = 1; }' }],
    ['no schema at all', { schema: '{' }],
    [
      'an Avro schema that names an unknown type',
      { schema: '{"type":"record","name":"A","fields":[{"name":"b","type":"C"}]}' },
    ],
  ])('that is %s is none of ours', async (_, body) => {
    const url = await answering(200, body)
    expect(await createRegistryClient({ url }).writerType(1)).toBe('foreign')
  })
})

describe('a registry that cannot be asked', () => {
  it('is not up', async () => {
    expect(await codeOf(createRegistryClient({ url: 'http://127.0.0.1:1' }).writerType(1))).toBe('REGISTRY_UNREACHABLE')
  })

  it('fails', async () => {
    const url = await answering(500, { error_code: 50001, message: 'store error' })
    expect(await codeOf(createRegistryClient({ url }).writerType(1))).toBe('REGISTRY_UNREACHABLE')
  })

  it('sits behind a gateway that answers with nothing', async () => {
    const url = await answering(502, 'null')
    expect(await codeOf(createRegistryClient({ url }).writerType(1))).toBe('REGISTRY_UNREACHABLE')
  })

  it('refuses our password', async () => {
    const url = await answering(401, { error_code: 401, message: 'Unauthorized' })
    expect(await codeOf(createRegistryClient({ url }).writerType(1))).toBe('REGISTRY_REJECTED')
  })

  it.each<[string, number, unknown]>([
    ['a 404 page of an ingress', 404, '<html><meta http-equiv="X-UA-Compatible"><h1>404 Not Found</h1>'],
    ['a 404 with another error code', 404, { error_code: 404, message: 'HTTP 404 Not Found' }],
    ['a 404 for a subject', 404, { error_code: 40401, message: 'Subject not found' }],
    ['a 404 with nothing', 404, ''],
    ['the JSON of something else', 200, { status: 'ok' }],
    ['an empty 200', 200, ''],
  ])('regression: %s is not the registry saying that it does not know a schema', async (_, status, body) => {
    const url = await answering(status, body)
    expect(await codeOf(createRegistryClient({ url }).writerType(1))).toBe('REGISTRY_UNREACHABLE')
  })

  it('regression: sends us elsewhere, where there is no registry', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/login') response.writeHead(404).end('<html>')
      else response.writeHead(302, { location: '/login' }).end()
    })
    expect(await codeOf(createRegistryClient({ url }).writerType(1))).toBe('REGISTRY_UNREACHABLE')
  })

  it('is a web page', async () => {
    const url = await answering(200, '<html>')
    expect(await codeOf(createRegistryClient({ url }).writerType(1))).toBe('REGISTRY_UNREACHABLE')
  })

  it('accepts the connection and says nothing', async () => {
    const url = await serve(() => {})
    const client = createRegistryClient({ url }, { read: 100, register: 100 })
    expect(await codeOf(client.writerType(1))).toBe('REGISTRY_UNREACHABLE')
    expect(await codeOf(client.register('s', positionClosedSchema))).toBe('REGISTRY_UNREACHABLE')
  })

  it('is asked again once it is back', async () => {
    let silent = true
    const url = await serve((_, response) => {
      if (!silent) response.end(JSON.stringify({ schema: positionClosedSchema }))
    })
    const client = createRegistryClient({ url }, { read: 100, register: 100 })
    expect(await codeOf(client.writerType(1))).toBe('REGISTRY_UNREACHABLE')
    silent = false
    // within its time, which a machine with little of it may need more than once
    await expect.poll(() => client.writerType(1).catch(() => null)).not.toBeNull()
  })
})
