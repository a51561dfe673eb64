/**
 * Where a test run's engines live: in vitest's own process, each started when a test first asks for it. The workers, which run the tests, ask over HTTP
 * (ask-engine.ts).
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'
import { findStrandlineError } from '../../core/errors.ts'
import { isAlive } from '../../core/processes.ts'
import { withClient } from '../../core/store/client.ts'
import { migrate } from '../../core/store/migrate.ts'
import { prepareOwnCluster } from '../../services/supabase/api-role.ts'
import { makeProjectOwner } from './project-owner.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    engines: string
  }
}

export const TEMPLATE = 'strandline_template'
const OWNER = 'project_owner'
/** Nothing but this run's throw-away database accepts it. */
export const PASSWORD = 'test-run-only'

export interface StartedEngine {
  /** What the tests are told. */
  answer: object
  stop(): Promise<void>
  /** What a test may have done to it, by name. */
  actions?: Record<string, () => Promise<void>>
}

/** Header that names the process which asks: test files that run beside each other have one each. */
export const ASKED_BY = 'x-test-process'

export interface EngineOffer {
  /**
   * Test files that run beside each other must not meet in it: each process gets one that no living process has. (vitest's own numbers of workers are
   * given on before the process that had one has ended.)
   */
  unshared?: boolean
  /** @param number of the engine among all, from 1 */
  start(number: number): Promise<StartedEngine>
}

interface Held {
  pid: number
  engine: Promise<StartedEngine>
}

/** Serves engines by name: GET /<name> starts it and tells its answer, POST /<name>/<action> does something to it. Resolves to what ends them all. */
export async function openDesk(
  project: TestProject,
  engines: Record<string, EngineOffer>,
): Promise<() => Promise<void>> {
  const started = new Map<string, Held[]>()
  let count = 0

  function hold(name: string, offer: EngineOffer, pid: number): Promise<StartedEngine> {
    const all = started.get(name) ?? []
    started.set(name, all)
    let held = offer.unshared ? (all.find((h) => h.pid === pid) ?? all.find((h) => !isAlive(h.pid))) : all[0]
    if (!held) {
      const one: Held = { pid, engine: startOnFreePorts(() => offer.start(++count)) }
      all.push(one)
      one.engine.catch(() => all.splice(all.indexOf(one), 1)) // the next file tries again
      held = one
    }
    held.pid = pid
    return held.engine
  }

  const desk = createServer(async (request, response) => {
    try {
      const [, name = '', action] = (request.url ?? '').split('/')
      const offer = engines[name]
      if (!offer) throw new Error(`no engine ${name}`)
      const engine = await hold(name, offer, Number(request.headers[ASKED_BY]))
      if (action) {
        const act = engine.actions?.[action]
        if (!act) throw new Error(`${name} cannot ${action}`)
        await act()
      }
      response.end(JSON.stringify(engine.answer))
    } catch (error) {
      response.statusCode = 500
      response.end(error instanceof Error ? error.message : String(error))
    }
  })
  desk.listen(0, '127.0.0.1')
  await once(desk, 'listening')
  project.provide('engines', `http://127.0.0.1:${(desk.address() as AddressInfo).port}`)
  return async () => {
    desk.close()
    desk.closeAllConnections()
    const results = await Promise.allSettled([...started.values()].flat().map((h) => h.engine))
    for (const result of results) if (result.status === 'fulfilled') await result.value.stop()
  }
}

const TRIES = 3

/** A port that was free may be another program's before it is used. */
export async function startOnFreePorts<Engine>(start: () => Promise<Engine>): Promise<Engine> {
  for (let tries = 1; ; tries++) {
    try {
      return await start()
    } catch (error) {
      if (findStrandlineError(error)?.code !== 'PORT_TAKEN' || tries === TRIES) throw error
    }
  }
}

/** The database that every test's own is a copy of: roles as in a hosted Supabase project, all migrations applied by its owner, who is no superuser. */
export async function makeTemplate(postgresUrl: string): Promise<void> {
  const at = (change: object) => Object.assign(new URL(postgresUrl), { pathname: `/${TEMPLATE}`, ...change }).href
  await withClient(postgresUrl, (client) => client.query(`create database ${TEMPLATE}`))
  await withClient(at({}), async (client) => {
    await prepareOwnCluster(client, PASSWORD)
    await makeProjectOwner(client, OWNER, PASSWORD)
  })
  await migrate(at({ username: OWNER, password: PASSWORD }))
}
