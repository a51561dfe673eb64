/** The page over a log of given trades: a learner has learned them, and commands see the same stack. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { expect, vi } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { startHost } from '../../core/host.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { createPage, OPEN_PATHS } from '../../page/index.ts'
import { learnUntilCaughtUp } from '../../services/learner/catch-up.ts'
import { createTestDatabase } from './database.ts'
import { createTestKafka } from './kafka.ts'
import { createStage } from './kafka-learner.ts'
import { logger } from './pm.ts'
import { runCommand } from './strandline.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are compared with each other, whatever they hold
export type Json = Record<string, any>

export interface PageHost {
  url: string
  publish(events: PositionClosed[]): Promise<void>
  /** Status and body. */
  ask(path: string, body?: unknown): Promise<[status: number, body: Json]>
  /** What it prints with --json. */
  command(...args: string[]): Promise<Json>
  stop(): Promise<void>
}

/** @param further models that learn beside lowcap-v4, which is the active one */
export async function startPageHost(events: PositionClosed[], further: string[] = []): Promise<PageHost> {
  const [db, kafka, dir] = await Promise.all([
    createTestDatabase(),
    createTestKafka(),
    mkdtemp(join(tmpdir(), 'strandline-page-')),
  ])
  const stage = await createStage(db, kafka, { partitions: 3 })
  await stage.publish(events)
  const { config } = stage
  const deps = { config, log: kafka.log, store: db.store, codec: createCodec(config), clock: systemClock, logger }
  vi.stubEnv('STRANDLINE_CACHE_DIR', dir)
  for (const model of further) await learnUntilCaughtUp({ ...deps, metrics: new Registry() }, model)
  await stage.catchUp()
  const metrics = new Registry()
  const service = await createPage({ operate: false })({ ...deps, metrics })
  const host = await startHost({ service, port: 0, metrics, logger, open: OPEN_PATHS })
  const env = {
    SUPABASE_URL: db.supabaseUrl,
    SUPABASE_SERVICE_ROLE_KEY: db.key,
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    STRANDLINE_TOPIC: stage.topic,
    STRANDLINE_CACHE_DIR: dir,
  }
  return {
    url: host.url,
    async publish(more) {
      await stage.publish(more)
      await stage.catchUp()
    },
    async ask(path, body) {
      const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
      const answer = await fetch(`${host.url}${path}`, { ...sent, headers: { 'content-type': 'application/json' } })
      return [answer.status, (await answer.json()) as Json]
    },
    async command(...args) {
      const { code, stdout, stderr } = await runCommand([...args, '--json'], { cwd: dir, env })
      expect(code, stderr).toBe(0)
      return JSON.parse(stdout) as Json
    },
    async stop() {
      await host.stop()
      await kafka.close()
      await db.drop()
      vi.unstubAllEnvs()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
