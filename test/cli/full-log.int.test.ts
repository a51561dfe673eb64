/** Standard error on a full disk: /dev/full takes nothing, as a log file there does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { freePort } from '../../core/ports.ts'
import { STRANDLINE } from '../support/strandline.ts'

const ENGINES_AWAY = {
  KAFKA_BROKERS: '127.0.0.1:9',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9',
  SUPABASE_URL: 'http://127.0.0.1:9',
  SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_x',
}

const running: ReturnType<typeof spawn>[] = []
afterEach(async () => {
  for (const child of running.splice(0)) {
    const ended = once(child, 'exit')
    if (child.exitCode === null && child.kill('SIGKILL')) await ended
  }
})

async function healthOf(port: number): Promise<number | undefined> {
  return fetch(`http://127.0.0.1:${port}/healthz`).then(
    (r) => r.status,
    () => undefined,
  )
}

/** Once a line could not be written the service stopped its loops and left its HTTP side standing: it took exits and published nothing. */
test.skipIf(!existsSync('/dev/full'))('regression: a service whose log cannot be written does its work', async () => {
  const port = await freePort()
  const child = spawn(STRANDLINE, ['pm', '--port', String(port)], {
    env: { ...process.env, ...ENGINES_AWAY, LOG_LEVEL: 'debug' },
    stdio: ['ignore', 'ignore', openSync('/dev/full', 'w')],
  })
  running.push(child)
  while ((await healthOf(port)) !== 200) {
    expect(child.exitCode).toBeNull()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  child.kill('SIGTERM') // a corpse, whose service has stopped but whose port is open, has no part left that it could stop
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
})
