/**
 * The schema registry; its errors become ours. Schemas are registered through its client library, and read with a plain request: the library waits
 * without end for a registry that is connected but silent, shares that wait with every later question, and says "400" for a broken connection.
 */

import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import avro from 'avsc'
import { parseObject } from '../../domain/is-object.ts'
import type { Config } from '../config.ts'
import { StrandlineError } from '../errors.ts'
import { within } from '../within.ts'

export interface RegistryClient {
  /** Id of the schema under the subject, registered when new. Errors: REGISTRY_UNREACHABLE, REGISTRY_REJECTED. */
  register(subject: string, schema: string): Promise<number>
  /**
   * The writer's type; `foreign` when the registry has something under the id that is no Avro schema to us; null when it says itself that it does not
   * know the id. Errors: REGISTRY_UNREACHABLE, also where something else answers in its place; REGISTRY_REJECTED.
   */
  writerType(id: number): Promise<avro.Type | 'foreign' | null>
}

export const COMPATIBILITY = 'FULL_TRANSITIVE'

/** "Schema not found", as every registry says it. A 404 without it may come from anything on the way. */
const SCHEMA_NOT_FOUND = 40403

/** Time for one question, and for a registration with its retries. Milliseconds. */
const TIMEOUT_MS = { read: 5_000, register: 20_000 }

export function createRegistryClient(config: Config['registry'], timeoutMs = TIMEOUT_MS): RegistryClient {
  const { url, username, password = '' } = config
  const client = new SchemaRegistry({
    host: url,
    clientId: 'strandline',
    auth: username ? { username, password } : undefined,
    retry: { maxRetryTimeInSecs: 5, initialRetryTimeInSecs: 0.1, factor: 0.2, multiplier: 2, retries: 3 },
  })
  const headers: Record<string, string> = { accept: 'application/vnd.schemaregistry.v1+json' }
  if (username) headers.authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

  async function read(path: string): Promise<{ schema: string; schemaType?: unknown } | null> {
    const response = await fetch(`${url}${path}`, { headers, signal: AbortSignal.timeout(timeoutMs.read) })
    const { status } = response
    const answer = parseObject(await response.text())
    if (status === 404 && answer?.error_code === SCHEMA_NOT_FOUND) return null
    if (!response.ok) {
      const said = answer ? `: ${answer.message ?? JSON.stringify(answer).slice(0, 200)}` : ''
      throw Object.assign(new Error(`it answered ${status}${said}`), { status })
    }
    if (typeof answer?.schema !== 'string') throw new Error(`what answered ${status} there is no schema registry`)
    return { schema: answer.schema, schemaType: answer.schemaType }
  }

  return {
    async register(subject, schema) {
      try {
        // biome-ignore lint/suspicious/noExplicitAny: the library types its COMPATIBILITY enum without exporting it
        const compatibility = COMPATIBILITY as any
        const registered = client.register({ type: SchemaType.AVRO, schema }, { subject, compatibility })
        return (await within(registered, timeoutMs.register)).id
      } catch (cause) {
        throw registryError(cause, url, `subject ${subject}`)
      }
    },
    async writerType(id) {
      let found: Awaited<ReturnType<typeof read>>
      try {
        found = await read(`/schemas/ids/${id}`)
      } catch (cause) {
        throw registryError(cause, url, `schema ${id}`)
      }
      if (!found) return null
      if ((found.schemaType ?? 'AVRO') !== 'AVRO') return 'foreign'
      try {
        return avro.Type.forSchema(JSON.parse(found.schema))
      } catch {
        return 'foreign' // it is registered, but no schema to us
      }
    },
  }
}

function statusOf(error: unknown): number | undefined {
  const status = (error as { status?: unknown } | null)?.status
  return typeof status === 'number' ? status : undefined
}

function registryError(cause: unknown, url: string, what: string): StrandlineError {
  const status = statusOf(cause)
  const text = cause instanceof Error ? cause.message : String(cause)
  if (status === 401 || status === 403)
    return new StrandlineError('REGISTRY_REJECTED', `The schema registry at ${url} refused our credentials.`, {
      todo: 'Set SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD.',
      cause,
    })
  if (status === 409 || status === 422 || /compatib/i.test(text))
    return new StrandlineError('REGISTRY_REJECTED', `The schema registry at ${url} refused ${what}: ${text}.`, {
      todo: `The subject must be ${COMPATIBILITY} and the schema compatible with every released version.`,
      cause,
    })
  return new StrandlineError(
    'REGISTRY_UNREACHABLE',
    `No answer from the schema registry at ${url} for ${what}: ${text}.`,
    {
      todo: 'Check SCHEMA_REGISTRY_URL and that it is up; a service goes on by itself once it answers.',
      cause,
    },
  )
}
