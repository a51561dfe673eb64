/** Bad requests at volume, over real sockets, to services that are up; what each hundred of them left is looked at in the database and the registry. */
import { withClient } from '../../core/store/client.ts'
import type { Failure, Found } from '../found.ts'
import { makeRequest, REQUESTS_OF_ONE_TARGET } from './bad-request.ts'
import { judgeEffects, noEffects, noteEffects, stateOf } from './effects.ts'
import { judgeAnswer } from './judge-answer.ts'
import type { TargetName } from './routes.ts'
import { type Answer, send } from './send.ts'

export interface Targets {
  urls: Record<TargetName, string>
  /** Of the Supabase endpoint: the service role's. */
  key: string
  /** As the superuser, who sees every table. */
  databaseUrl: string
}

export interface RequestsFound extends Found {
  /** Requests by what they were answered with: `pm 4xx`. */
  answers: Record<string, number>
}

/** At a time. */
const AT_ONCE = 8

export interface RequestsOptions {
  seed: number
  count: number
  from?: number
  progress?(done: number): void
}

export async function fuzzRequests(
  targets: Targets,
  { seed, count, from = 0, progress }: RequestsOptions,
): Promise<RequestsFound> {
  const failures: Failure[] = []
  const answers: Record<string, number> = {}
  const fail = (number: number, problem: string) => failures.push({ part: 'requests', number, problem })

  async function one(number: number): Promise<Answer[]> {
    const request = makeRequest(seed, number)
    const url = targets.urls[request.target]
    const fill = (text: string) => text.replaceAll('{host}', new URL(url).host).replaceAll('{key}', targets.key)
    const body = request.body.includes('{host}')
      ? Buffer.from(fill(request.body.toString('latin1')), 'latin1')
      : request.body
    const { isHead, unfinished } = request
    const sent = await send(url, Buffer.concat([Buffer.from(fill(request.head), 'latin1'), body]), {
      whole: !unfinished,
      isHead,
    })
    const wrong = judgeAnswer(request, sent)
    if (wrong) fail(number, `${request.target}, ${request.about}: ${wrong}`)
    const all = sent === 'hangs' ? [] : sent.answers
    const kinds = all.length > 0 ? all.map((a) => `${Math.floor(a.status / 100)}xx`) : ['no answer']
    for (const kind of kinds) answers[`${request.target} ${kind}`] = (answers[`${request.target} ${kind}`] ?? 0) + 1
    return all
  }

  await withClient(targets.databaseUrl, async (client) => {
    let before = await stateOf(client)
    let registered = await registryState(targets.urls.registry)
    for (let start = from; start < from + count; ) {
      const end = Math.min(from + count, start - (start % REQUESTS_OF_ONE_TARGET) + REQUESTS_OF_ONE_TARGET)
      const { target } = makeRequest(seed, start)
      const effects = noEffects()
      let registryTook = 0
      let next = start
      const worker = async () => {
        while (next < end) {
          const number = next++
          const { method } = methodOf(makeRequest(seed, number).head)
          for (const answer of await one(number)) {
            if (target === 'pm') noteEffects(effects, answer)
            if (target === 'registry' && answer.status < 300 && method !== 'GET') registryTook++
          }
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, worker))
      const after = await stateOf(client)
      for (const problem of judgeEffects(before, after, effects)) fail(start, problem)
      before = after
      if (target === 'registry') {
        const now = await registryState(targets.urls.registry)
        if (registryTook === 0 && now !== registered) fail(start, 'the registry changed, and refused everything')
        registered = now
      }
      for (const [name, url] of Object.entries(targets.urls)) {
        const health = await fetch(`${url}/healthz`).catch((error) => error as Error)
        if (health instanceof Error || health.status !== 200)
          fail(start, `${name} is not well any more: ${health instanceof Error ? health.message : health.status}`)
      }
      start = end
      progress?.(start - from)
    }
  })
  return { cases: count, answers, failures }
}

const methodOf = (head: string) => ({ method: head.split(' ', 1)[0]!.toUpperCase() })

async function registryState(url: string): Promise<string> {
  const texts = await Promise.all(
    ['/schemas?deleted=true', '/config', '/mode'].map(async (path) => (await fetch(url + path)).text()),
  )
  return texts.join('\n')
}
