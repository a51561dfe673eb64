/** The schema in the registry of the run, asked for as any client does. */
import { StrandlineError } from '../core/errors.ts'
import { SCHEMA } from './load/event.ts'
import { type Stage, TOPIC } from './stage.ts'

const subject = ({ registryUrl }: Stage) => `${registryUrl}/subjects/${TOPIC}-value/versions`

/** The id under which ours is registered, by now. */
export async function registerSchema(stage: Stage): Promise<number> {
  const answer = await ask<{ id: number }>(subject(stage), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ schema: JSON.stringify(SCHEMA) }),
  })
  return answer.id
}

/** The ids of all its versions, whoever registered them. */
export async function schemaIds(stage: Stage): Promise<Set<number>> {
  const versions = await ask<number[]>(subject(stage))
  return new Set(await Promise.all(versions.map(async (v) => (await ask<{ id: number }>(`${subject(stage)}/${v}`)).id)))
}

async function ask<T>(url: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(30_000) })
  if (!answer.ok)
    throw new StrandlineError(
      'ENGINE_FAILED',
      `The registry answers ${answer.status} to ${url}: ${await answer.text()}`,
    )
  return (await answer.json()) as T
}
