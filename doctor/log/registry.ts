/** The schema registry: what it has of our schema. Nothing is registered. */

import { positionClosedSchema } from '../../core/codec/position-closed-codec.ts'
import { COMPATIBILITY } from '../../core/codec/registry.ts'
import type { Config } from '../../core/config.ts'
import { StrandlineError } from '../../core/errors.ts'
import { parseObject } from '../../domain/is-object.ts'
import { error, type Finding, info, warning } from '../finding.ts'

export interface RegistryFacts {
  subject: string
  /** Of our schema under the subject; null: it is not registered. */
  id: number | null
  /** Whether the registry would take it, where it is not; null: the subject is new. */
  compatible: boolean | null
  /** Of the subject, else the global one; null: unknown. */
  level: string | null
}

const ANSWER_MS = 8_000

/** Errors: REGISTRY_UNREACHABLE, REGISTRY_REJECTED. */
export async function inspectRegistry(
  { url, username, password = '' }: Config['registry'],
  topic: string,
): Promise<RegistryFacts> {
  const subject = `${topic}-value`
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (username) headers.authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  async function ask(path: string, body?: object): Promise<Record<string, unknown> | null> {
    let response: Response
    let text: string
    try {
      response = await fetch(`${url}${path}`, {
        method: body ? 'POST' : 'GET',
        headers,
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_MS),
      })
      text = await response.text()
    } catch (cause) {
      const { message, cause: why } = cause as Error & { cause?: Error }
      throw unreachable(`No answer from the schema registry at ${url}: ${why?.message || message}.`, cause)
    }
    if (response.status === 401 || response.status === 403)
      throw new StrandlineError('REGISTRY_REJECTED', `The schema registry at ${url} refused our credentials.`, {
        todo: 'Set SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD.',
      })
    const answer = parseObject(text)
    // every registry says "not found" with a code of its own; anything else that answers 404 is none
    if (response.status === 404 && String(answer?.error_code).startsWith('404')) return null
    if (!response.ok || !answer)
      throw unreachable(`What answers at ${url}${path} is no schema registry (${response.status}).`)
    return answer
  }
  const schema = { schema: positionClosedSchema }
  const level = await ask(`/config/${encodeURIComponent(subject)}?defaultToGlobal=true`)
  const registered = await ask(`/subjects/${encodeURIComponent(subject)}`, schema)
  const check = registered
    ? null
    : await ask(`/compatibility/subjects/${encodeURIComponent(subject)}/versions/latest`, schema)
  return {
    subject,
    id: typeof registered?.id === 'number' ? registered.id : null,
    compatible: typeof check?.is_compatible === 'boolean' ? check.is_compatible : null,
    level: typeof level?.compatibilityLevel === 'string' ? level.compatibilityLevel : null,
  }
}

const unreachable = (message: string, cause?: unknown) =>
  new StrandlineError('REGISTRY_UNREACHABLE', message, { todo: 'Check SCHEMA_REGISTRY_URL and that it is up.', cause })

export function judgeRegistry({ subject, id, compatible, level }: RegistryFacts): Finding[] {
  if (id === null && compatible === false)
    return [
      error(
        'registry',
        `The registry has a schema under ${subject} that ours is not compatible with: nothing can be published.`,
        'See who registered it; another subject goes with another STRANDLINE_TOPIC.',
      ),
    ]
  if (id === null)
    return [
      info(
        'registry',
        `The registry answers; our schema is not under ${subject} yet.`,
        'The PM registers it before it first publishes.',
      ),
    ]
  if (level !== COMPATIBILITY)
    return [
      warning(
        'registry',
        `${subject} has the compatibility ${level ?? '–'}: somebody may register a schema that old readers cannot read.`,
        `Set it to ${COMPATIBILITY} (PUT /config/${subject}).`,
      ),
    ]
  return [info('registry', `Our schema is registered under ${subject} (id ${id}, ${level}).`)]
}
