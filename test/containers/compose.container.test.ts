/** `docker compose up`, as a person runs it: everything becomes healthy, a closed trade goes all the way, learners are added and killed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withClient } from '../../core/store/client.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { readAllCoefficients } from '../../core/store/learned.ts'
import { createPostgrestStore, type PostgrestStore } from '../../core/store/postgrest-store.ts'
import { closeTrade, insertPaths, someTrades } from '../support/trades.ts'
import { COMPOSE_TOKEN, type Composed, composeUp, docker } from './compose.ts'

const OURS = ['pm', 'learner', 'projector', 'decision', 'page', 'supabase']
const patient = { interval: 500 }

let stack: Composed
let store: PostgrestStore
beforeAll(async () => {
  stack = await composeUp('--scale', 'learner=2')
  store = createPostgrestStore({ url: stack.url('SUPABASE'), key: stack.serviceRoleKey })
})
afterAll(() => stack?.down(), 120_000)

async function call(method: 'GET' | 'POST', url: string, body?: object): Promise<Record<string, unknown>> {
  const answer = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${COMPOSE_TOKEN}` },
    body: body && JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as Record<string, unknown>
}
const post = (path: string, body: object) => call('POST', `${stack.url('PM')}${path}`, body)

const count = (what: string) =>
  withClient(stack.databaseUrl, async (c) => {
    await c.query('set search_path = public, strandline')
    return Number((await c.query(`select count(*) as n from ${what}`)).rows[0].n)
  })

const inspect = async (id: string) => JSON.parse(await docker('inspect', id))[0]

test('everything becomes healthy', async () => {
  const health = async () => {
    const all = await Promise.all((await stack.containers()).map(inspect))
    return all
      .filter((c) => c.Config.Labels['com.docker.compose.service'] !== 'topics')
      .map((c) => c.State.Health?.Status ?? c.State.Status)
  }
  await expect.poll(async () => [...new Set(await health())], patient).toEqual(['healthy'])
  expect(await call('GET', `${stack.url('PM')}/readyz`)).toEqual({ service: 'pm', ok: true })
})

test('our containers: not root, read-only, no capabilities, one process; every port on 127.0.0.1', async () => {
  for (const service of OURS) {
    const [id = ''] = await stack.containers(service)
    const { Config, HostConfig } = await inspect(id)
    expect({ service, user: Config.User, readOnly: HostConfig.ReadonlyRootfs, dropped: HostConfig.CapDrop }).toEqual({
      service,
      user: 'node',
      readOnly: true,
      dropped: ['ALL'],
    })
    // The health check may run beside it for a moment.
    const processes = (await docker('top', id, '-o', 'pid,args')).split('\n').slice(1)
    expect(processes.filter((p) => !p.includes('healthcheck'))).toHaveLength(1)
  }
  for (const id of await stack.containers()) {
    const published = Object.values((await inspect(id)).NetworkSettings.Ports).flat() as ({ HostIp: string } | null)[]
    expect(published.filter((p) => p && p.HostIp !== '127.0.0.1')).toEqual([])
  }
})

test('with the profile `monitoring`: Prometheus finds every service, each learner too, and takes all our rules', async () => {
  await stack.compose(
    '--profile',
    'monitoring',
    'up',
    '--detach',
    '--no-recreate',
    '--scale',
    'learner=2',
    'prometheus',
  )
  const ask = async (what: string) => (await call('GET', `${stack.url('PROMETHEUS')}/api/v1/${what}`)).data as never
  const targets = async () => {
    const { activeTargets } = (await ask('targets').catch(() => ({ activeTargets: [] }))) as {
      activeTargets: { labels: { job: string }; health: string }[]
    }
    return activeTargets.map((t) => `${t.labels.job} ${t.health}`).sort()
  }
  await expect
    .poll(targets, patient)
    .toEqual(['decision', 'learner', 'learner', 'pm', 'projector'].map((name) => `strandline-${name} up`))
  const { groups } = (await ask('rules')) as { groups: { rules: { name: string; health: string }[] }[] }
  const rules = groups.flatMap((g) => g.rules)
  expect(rules.length).toBeGreaterThan(10)
  await expect
    .poll(async () => {
      const now = (await ask('rules')) as { groups: { rules: { health: string }[] }[] }
      return [...new Set(now.groups.flatMap((g) => g.rules).map((r) => r.health))]
    }, patient)
    .toEqual(['ok'])
})

test('one closed trade: position, log, ledger, coefficient, strand, and the next allocation', async () => {
  const allocate = () =>
    call('POST', `${stack.url('DECISION')}/v1/allocations`, {
      entry_context: { curator: 'c0', chain: 'base', mcap_at_entry: 100_000 },
      timeframe: '1h',
      base: 1,
      min: 0,
      max: 10,
    })
  const before = await allocate()
  const [trade] = someTrades(1, 'one')
  await insertPaths(store, [trade!])
  await closeTrade(post, trade!)
  await expect.poll(() => count('learner_ledger'), patient).toBe(1)
  await expect.poll(() => count('position_closed_strands'), patient).toBe(1)
  const rows = await readAllCoefficients(createCoefficientStore(store))
  expect(rows.find((r) => r.name === 'curator' && r.key === 'c0')).toMatchObject({
    n: 1,
    rr_short: expect.closeTo(trade!.rr, 9),
  })
  expect(await allocate()).not.toEqual(before)
})

test('four learners, one killed and one stopped while trades close: each trade counts once', async () => {
  await stack.compose('up', '--detach', '--no-recreate', '--scale', 'learner=4')
  const learners = await stack.containers('learner')
  expect(learners).toHaveLength(4)
  const trades = someTrades(80, 'four')
  await insertPaths(store, trades)
  const closing = (async () => {
    for (const trade of trades) {
      await closeTrade(post, trade)
      await sleep(50)
    }
  })()
  await sleep(1_500)
  await docker('kill', '--signal', 'KILL', learners[0]!)
  await sleep(1_000)
  await docker('stop', '--time', '30', learners[1]!)
  expect((await inspect(learners[1]!)).State.ExitCode).toBe(0)
  await closing
  // The killed one's partitions are free once its session is over.
  await expect.poll(() => count('learner_ledger'), patient).toBe(81)
  await expect.poll(() => count('position_closed_strands'), patient).toBe(81)
  const byCurator = (await readAllCoefficients(createCoefficientStore(store))).filter((r) => r.name === 'curator')
  expect(byCurator.reduce((sum, r) => sum + r.n, 0)).toBe(81)
  expect(await count('dead_letters')).toBe(0)
})

test('docker-compose.external.yml: the services alone, with log, registry and Supabase elsewhere', async () => {
  await stack.external('up', '--detach', '--no-deps', 'topics', 'pm', 'learner', 'projector', 'decision')
  const [id = ''] = await stack.containers('learner')
  const { Config, Mounts } = await inspect(id)
  expect(Config.Env).toContain('KAFKA_SECURITY_PROTOCOL=PLAINTEXT')
  expect((Mounts as { Destination: string }[]).map((m) => m.Destination)).toContain('/etc/strandline/ca.pem')
  const ready = () => call('GET', `${stack.url('PM')}/readyz`).catch(() => null)
  await expect.poll(ready, patient).toEqual({ service: 'pm', ok: true })
  const [trade] = someTrades(1, 'external')
  await insertPaths(store, [trade!])
  await closeTrade(post, trade!)
  await expect.poll(() => count('learner_ledger'), patient).toBe(82)
})

test('SIGTERM: every service drains and exits 0 within its grace period', async () => {
  const running = (await Promise.all(OURS.map((s) => stack.containers(s)))).flat()
  const before = new Map<string, boolean>()
  for (const id of running) before.set(id, (await inspect(id)).State.Running)
  const started = Date.now()
  await stack.compose('stop', 'pm', 'learner', 'projector', 'decision')
  await stack.compose('stop', 'supabase')
  expect(Date.now() - started).toBeLessThan(60_000) // two grace periods: nobody had to be killed
  for (const id of running.filter((i) => before.get(i)))
    expect({ id, code: (await inspect(id)).State.ExitCode }).toEqual({ id, code: 0 })
})
