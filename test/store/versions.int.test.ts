/**
 * Builds of model versions, what they are called, how large they are, and one taken away: one answer, whichever adapter gives it; and any sequence of calls,
 * in memory and in PostgreSQL, step by step.
 */
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { loadModel, sumsHash } from '../../core/load-model.ts'
import { learnerConsumer } from '../../core/runner/consumer-names.ts'
import { createCheckpointStore } from '../../core/store/checkpoint-store.ts'
import { withClient } from '../../core/store/client.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { readLearned } from '../../core/store/learned.ts'
import { createMemoryCheckpoints } from '../../core/store/memory/checkpoints.ts'
import { createMemoryCoefficients } from '../../core/store/memory/coefficients.ts'
import { createMemoryDatabase, type MemoryDatabase } from '../../core/store/memory/database.ts'
import { memoryLag } from '../../core/store/memory/lag.ts'
import { learnedTables, ledgerKey, partialKey } from '../../core/store/memory/learned.ts'
import { createMemoryModelVersions } from '../../core/store/memory/model-versions.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import { emptySums } from '../../domain/learning/sums.ts'
import { createDropStore } from '../../services/learner/drop-store.ts'
import { createMemoryDrop } from '../../services/learner/memory-drop.ts'
import { createMemoryVersionSizes } from '../../services/learner/memory-version-sizes.ts'
import { createVersionSizeStore } from '../../services/learner/version-size-store.ts'
import { readVersionSizes } from '../../services/learner/version-sizes.ts'
import { PATIENT } from '../support/patience.ts'
import { adapters, outcome, useWays, WAYS, type Way } from './ways.ts'

const ways = useWays(...WAYS)
const versionsOf = adapters(createMemoryModelVersions, createModelVersionStore)
const coefficientsOf = adapters(createMemoryCoefficients, createCoefficientStore)
const sizesOf = adapters(createMemoryVersionSizes, createVersionSizeStore)
const dropsOf = adapters(createMemoryDrop, createDropStore)
const claimsOf = adapters(createMemoryCheckpoints, createCheckpointStore)

const lowcap = loadModel('lowcap-v4')
const freqtrade = loadModel('freqtrade')
/** Another rule over the sums of lowcap-v4. */
const shrunk = loadModel('lowcap-v5')
const named = ({ definition, hash }: typeof lowcap, topic = 't') => ({
  model: definition.name,
  hash,
  definition,
  sums_hash: sumsHash(definition),
  topic,
})
const ID = (n: number) => `00000000-0000-0000-0000-${String(n).padStart(12, '0')}`

/** Trades in the ledger of a version, and as many groups of sums beside its baseline. */
async function put(way: Way, model_version: number, trades: readonly number[]): Promise<void> {
  const groups = [
    { scope: 'global', name: 'global', key: '' },
    ...trades.map((n) => ({ scope: 'lever', name: 'curator', key: `c${n}` })),
  ]
  if (way.memory) {
    const { ledger, partials } = learnedTables(way.memory)
    return way.memory.transaction(() => {
      for (const n of trades)
        ledger.put(ledgerKey(model_version, ID(n)), {
          model_version,
          event_id: ID(n),
          partition: 0,
          offset: n,
          revision: 0,
          voided: false,
          closed_at: 0,
          rr: 1,
          levers: '',
        })
      for (const group of groups)
        for (const partition of [0, 1]) {
          const row = {
            ...group,
            model_version,
            partition,
            period: 0,
            sums: { ...emptySums(), n: 1, weight_short: 1, weight_long: 1 },
          }
          partials.put(partialKey(row), row)
        }
    })
  }
  await way.db.sql(
    `insert into learner_ledger (event_id, "offset", closed_at_ms, rr, model_version, revision, partition, voided, levers)
     select u, 0, 0, 1, $1, 0, 0, false, '' from unnest($2::uuid[]) u on conflict do nothing`,
    [model_version, trades.map(ID)],
  )
  await way.db.sql(
    `insert into learner_partials select $1, p, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, g ->> 'scope', g ->> 'name', g ->> 'key'
     from jsonb_array_elements($2) g, unnest(array[0, 1]) p on conflict do nothing`,
    [model_version, JSON.stringify(groups)],
  )
}

const cleared = (way: Way) =>
  way.db?.sql(
    'truncate strandline.model_versions, strandline.learner_partials, strandline.learner_ledger, strandline.consumer_checkpoints restart identity',
  )

describe.each(WAYS)('%s', (name) => {
  let memory: MemoryDatabase
  const way = (): Way => (name === 'memory' ? { name, memory } : ways[name])
  beforeEach(async () => {
    memory = createMemoryDatabase()
    await cleared(ways[name])
  })
  const listed = async () =>
    (await versionsOf(way()).list()).map((v) => [v.model_version, v.model, v.build, v.active, v.building, v.previous])

  test('a build is begun once, learners leave it alone until it is complete, and then go on with what is active', async () => {
    const port = versionsOf(way())
    const consumer = `learner/lowcap-v4/${lowcap.hash.slice(0, 12)}`
    const first = { model_version: 1, sums: 1, consumer, active: true, build: 1 }
    expect(await port.open(named(lowcap))).toEqual(first)
    const build = { model_version: 2, sums: 2, consumer: `${consumer}.r2`, active: false, build: 2 }
    expect(await port.openBuild(named(lowcap))).toEqual({ ...build, begun: false })
    expect(await port.openBuild(named(lowcap))).toEqual({ ...build, begun: true })
    expect((await port.maintained('t')).map((v) => v.model_version)).toEqual([1])
    await port.built(2)
    const of = { model: 'lowcap-v4', hash: lowcap.hash, definition: lowcap.definition, models: ['lowcap-v4'] }
    expect(await port.maintained('t')).toEqual([
      { ...first, ...of },
      { ...build, ...of },
    ])
    expect(await port.maintained('u')).toEqual([])
    expect(await port.open(named(lowcap))).toMatchObject({ model_version: 1 })
    await port.activate(2, 1)
    expect(await port.open(named(lowcap))).toEqual({ ...build, active: true })
    // the next one is another one
    expect(await port.openBuild(named(lowcap))).toMatchObject({ model_version: 3, build: 3, begun: false })
    expect(await listed()).toEqual([
      [2, 'lowcap-v4', 2, true, false, 1],
      [3, 'lowcap-v4', 3, false, true, null],
      [1, 'lowcap-v4', 1, false, false, null],
    ])
  })

  test('a build that was begun is a learner’s to complete where there is nothing else', async () => {
    const port = versionsOf(way())
    await port.open(named(freqtrade))
    await port.openBuild(named(lowcap))
    expect((await port.maintained('t')).map((v) => v.model)).toEqual(['freqtrade'])
    expect(await port.open(named(lowcap))).toMatchObject({ model_version: 2, build: 1 })
    expect((await port.maintained('t')).map((v) => v.model)).toEqual(['freqtrade', 'lowcap-v4'])
  })

  test('a model whose sums another version has reads those, and what it reads is kept as long as it is there', async () => {
    const port = versionsOf(way())
    const drops = dropsOf(way())
    await port.open(named(lowcap))
    await put(way(), 1, [1, 2, 3])
    const consumer = `learner/lowcap-v4/${lowcap.hash.slice(0, 12)}`
    const reader = { model_version: 2, sums: 1, consumer, active: false, build: 1 }
    expect(await port.openBuild(named(shrunk))).toEqual({ ...reader, begun: false })
    expect(await port.open(named(shrunk))).toEqual(reader)
    expect(await coefficientsOf(way()).version('lowcap-v5')).toEqual({
      ...reader,
      hash: shrunk.hash,
      topic: 't',
      definition: shrunk.definition,
    })
    // another log has other sums, and so has what is folded once more
    expect(await port.open(named(shrunk, 'u'))).toMatchObject({ model_version: 3, sums: 3 })
    expect(await port.openBuild(named(shrunk))).toMatchObject({ model_version: 4, sums: 4, build: 2, begun: false })
    const kept = async () => (await port.maintained('t')).map((v) => [v.sums, v.model, v.active, v.models])
    expect(await kept()).toEqual([[1, 'lowcap-v4', true, ['lowcap-v4', 'lowcap-v5']]])
    expect((await port.list()).map((v) => [v.model_version, v.sums, v.consumer.split('/')[1], v.n])).toEqual([
      [1, 1, 'lowcap-v4', 2],
      [4, 4, 'lowcap-v5', 0],
      [3, 3, 'lowcap-v5', 0],
      [2, 1, 'lowcap-v4', 2],
    ])

    // whoever is switched to what reads them sees them, and their learner knows that readers do
    expect(await port.activate(2)).toEqual({ status: 'ok', previous: 1 })
    expect([await port.isActive(1), await port.isActive(2), await port.isActive(3)]).toEqual([true, false, false])
    expect(await kept()).toEqual([[1, 'lowcap-v4', true, ['lowcap-v4', 'lowcap-v5']]])
    expect((await coefficientsOf(way()).read([], null)).model_version).toBe(2)
    expect(await readLearned(coefficientsOf(way()))).toMatchObject({
      version: { model: { hash: shrunk.hash } },
      global_rr: { n: 2 },
      rows: [{ key: 'c1' }, { key: 'c2' }, { key: 'c3' }],
    })

    const claim = { consumer, topic: 't', partition: 0 }
    await claimsOf(way()).claim(claim, 'somebody')
    expect(await drops.mark(1, true)).toBe('shared')
    await port.activate(1)
    expect(await drops.mark(1, true)).toBe('active')
    expect(await drops.mark(2, true)).toBe('ok')
    expect(await drops.rows(2, 'trades', '', 100)).toEqual({ dropped: 0, next: null })
    expect(await drops.rows(2, 'sums', '', 100)).toEqual({ dropped: 0, next: null })
    await drops.end(2)
    expect(await claimsOf(way()).read(claim)).toMatchObject({ epoch: 1 }) // its learner never noticed
    expect((await readVersionSizes(sizesOf(way()))).get(1)).toMatchObject({ events: 3, coefficients: 3 })
    expect(await kept()).toEqual([[1, 'lowcap-v4', true, ['lowcap-v4']]])
  })

  test('sums that are not complete, or being taken away, are nobody else’s; of several, those that readers see, else the newest', async () => {
    const port = versionsOf(way())
    await port.open(named(freqtrade))
    await port.openBuild(named(lowcap))
    expect(await port.open(named(shrunk))).toMatchObject({ model_version: 3, sums: 3 })
    await port.built(2)
    await dropsOf(way()).mark(3, true)
    await dropsOf(way()).end(3)
    await dropsOf(way()).mark(2, true)
    expect(await port.open(named(shrunk))).toMatchObject({ model_version: 4, sums: 4 })
    await dropsOf(way()).mark(2, false)
    await dropsOf(way()).mark(4, true)
    await dropsOf(way()).end(4)
    await port.openBuild(named(lowcap))
    await port.built(5)
    expect(await port.open(named(shrunk))).toMatchObject({ model_version: 6, sums: 5 })
    await dropsOf(way()).mark(6, true)
    await dropsOf(way()).end(6)
    await port.activate(2)
    expect(await port.open(named(shrunk))).toMatchObject({ model_version: 7, sums: 2 })
  })

  test('the first build of all is active from the start', async () => {
    expect(await versionsOf(way()).openBuild(named(lowcap))).toMatchObject({ active: true, build: 1 })
    expect((await versionsOf(way()).maintained('t')).length).toBe(1)
  })

  test('a switch remembers what was before it; a rollback goes back step by step; one that somebody else overtook does nothing', async () => {
    const port = versionsOf(way())
    await port.open(named(lowcap))
    await port.open(named(freqtrade))
    await port.openBuild(named(lowcap))
    expect(await port.activate(2, 1)).toEqual({ status: 'ok', previous: 1 })
    expect(await port.activate(3, 1)).toEqual({ status: 'changed', previous: 2 })
    expect(await port.activate(3, 2)).toEqual({ status: 'ok', previous: 2 })
    expect(await port.activate(3, 3)).toEqual({ status: 'ok', previous: 3 })
    const previous = async () => (await port.list())[0]!.previous
    expect(await previous()).toBe(2)
    expect(await port.activate(2, 3, true)).toEqual({ status: 'ok', previous: 3 })
    expect(await previous()).toBe(1)
    expect(await port.activate(1, 2, true)).toEqual({ status: 'ok', previous: 2 })
    expect(await previous()).toBeNull()
  })

  test('a version is named by its model, by its hash, and by its build', async () => {
    const port = versionsOf(way())
    await port.open(named(lowcap))
    await port.openBuild(named(lowcap))
    await port.open(named(freqtrade))
    const found = async (text: string) => {
      const version = await coefficientsOf(way()).version(text)
      return version && [version.definition.name, version.build]
    }
    expect(await found('lowcap-v4')).toEqual(['lowcap-v4', 1])
    expect(await found('lowcap-v4.r2')).toEqual(['lowcap-v4', 2])
    expect(await found('lowcap-v4.r1')).toEqual(['lowcap-v4', 1])
    expect(await found(lowcap.hash.slice(0, 6))).toEqual(['lowcap-v4', 1])
    expect(await found(`${lowcap.hash.slice(0, 12)}.r2`)).toEqual(['lowcap-v4', 2])
    expect(await found(`${lowcap.hash}.r2`)).toEqual(['lowcap-v4', 2])
    expect(await found(freqtrade.hash.slice(0, 9))).toEqual(['freqtrade', 1])
    for (const nobody of [
      'lowcap',
      'lowcap-v4.r3',
      lowcap.hash.slice(0, 5),
      `${lowcap.hash.slice(0, 12)}.r22`,
      '',
      '.r1',
    ])
      expect(await found(nobody)).toBeNull()
    // a name means what is complete, unless it is told apart; what is active goes first
    await port.activate(3)
    expect(await found('lowcap-v4')).toEqual(['lowcap-v4', 1])
    await port.activate(2)
    expect(await found('lowcap-v4')).toEqual(['lowcap-v4', 2])
  })

  test('sizes are those of each version, however the pages fall; a dropped one leaves nothing, and takes nothing of others along', async () => {
    const port = versionsOf(way())
    await port.open(named(lowcap))
    await port.openBuild(named(lowcap))
    await put(way(), 1, [1, 2, 3, 4])
    await put(way(), 2, [2, 3, 7])
    const sizes = async (page: number) =>
      [...(await readVersionSizes(sizesOf(way()), () => {}, page))].map(([id, s]) => [id, s.events, s.coefficients])
    for (const page of [1, 2, 3, 100])
      expect((await sizes(page)).sort()).toEqual([
        [1, 4, 4],
        [2, 3, 3],
      ])
    const drops = dropsOf(way())
    expect(await drops.mark(1, true)).toBe('active')
    expect(await drops.mark(9, true)).toBe('unknown')
    expect(await drops.rows(2, 'trades', '', 100)).toEqual({ dropped: 0, next: null }) // it is not marked
    const consumer = learnerConsumer({ model: 'lowcap-v4', hash: lowcap.hash, build: 2 })
    const place = { consumer, topic: 't', partition: 0 }
    await claimsOf(way()).claim(place, 'somebody')
    expect(await drops.mark(2, true)).toBe('ok')
    expect(await claimsOf(way()).read(place)).toMatchObject({ epoch: 2 }) // whoever held it is fenced
    expect(await coefficientsOf(way()).version('lowcap-v4.r2')).toBeNull()
    expect(await port.activate(2)).toEqual({ status: 'unknown', previous: null })
    expect((await port.maintained('t')).map((v) => v.model_version)).toEqual([1])
    let rows = 0
    for (const store of ['trades', 'sums', 'letters'] as const)
      for (let after: string | null = ''; after !== null; ) {
        const page: Awaited<ReturnType<typeof drops.rows>> = await drops.rows(2, store, after, 2)
        rows += page.dropped
        after = page.next
      }
    expect(rows).toBe(3 + 8)
    await drops.end(2)
    expect(await sizes(100)).toEqual([[1, 4, 4]])
    expect(await claimsOf(way()).read(place)).toBeNull()
    expect(await listed()).toEqual([[1, 'lowcap-v4', 1, true, false, null]])
  })

  test.skipIf(name === 'memory')(
    'a version is dropped while a commit of it is under way, once that has ended',
    async () => {
      const db = way().db!
      await versionsOf(way()).open(named(lowcap))
      await versionsOf(way()).openBuild(named(lowcap))
      const consumer = learnerConsumer({ model: 'lowcap-v4', hash: lowcap.hash, build: 2 })
      await claimsOf(way()).claim({ consumer, topic: 't', partition: 0 }, 'somebody')
      await withClient(db.databaseUrl, async (client) => {
        // as strandline.learner_commit: the checkpoint first, at its end the lock that a switch waits for
        await client.query('begin')
        await client.query("select strandline.fence($1, 't', 0, 1, 0, -1)", [consumer])
        const dropping = outcome(dropsOf(way()).mark(2, true))
        const waits =
          'select 1 as waits from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database() limit 1'
        await expect.poll(() => db.sql(waits), PATIENT).toHaveLength(1)
        const committed = client
          .query("select pg_advisory_xact_lock_shared(hashtext('strandline.activate'))")
          .then(() => client.query('commit'))
        expect(await outcome(committed.then(() => 'committed'))).toBe('committed')
        expect(await dropping).toBe('ok')
      })
    },
  )

  test('what came after a dropped version comes after what was before it', async () => {
    const port = versionsOf(way())
    await port.open(named(lowcap))
    await port.open(named(freqtrade))
    await port.openBuild(named(lowcap))
    await port.activate(2)
    await port.activate(3)
    expect(await dropsOf(way()).mark(2, true)).toBe('ok')
    await dropsOf(way()).end(2)
    expect((await listed())[0]).toEqual([3, 'lowcap-v4', 2, true, true, 1])
  })

  test('the active build is told by the name of its consumer', async () => {
    const port = versionsOf(way())
    await port.open(named(lowcap))
    await port.openBuild(named(lowcap))
    await port.activate(2)
    const of = way()
    const { active } = of.memory
      ? memoryLag(of.memory, 't')
      : await of.store.rpc<{ active: string }>('strandline_lag', { p_topic: 't' })
    expect(active).toBe(`learner/lowcap-v4/${lowcap.hash.slice(0, 12)}.r2`)
  })
})

const id = fc.integer({ min: 1, max: 5 })
const model = fc.constantFrom(lowcap, freqtrade, shrunk)
const topic = fc.constantFrom('t', 't', 'u')
type Step = (way: Way) => Promise<unknown>
const step: fc.Arbitrary<[string, Step]> = fc.oneof(
  fc
    .tuple(model, topic)
    .map(([m, t]) => [`open ${m.definition.name} ${t}`, (way) => versionsOf(way).open(named(m, t))] as [string, Step]),
  fc
    .tuple(model, topic)
    .map(
      ([m, t]) =>
        [`build ${m.definition.name} ${t}`, (way) => versionsOf(way).openBuild(named(m, t))] as [string, Step],
    ),
  id.map((n) => [`built ${n}`, (way) => versionsOf(way).built(n)] as [string, Step]),
  fc
    .tuple(id, fc.option(id), fc.boolean())
    .map(
      ([n, from, back]) =>
        [`activate ${n} ${from} ${back}`, (way) => versionsOf(way).activate(n, from, back)] as [string, Step],
    ),
  fc.tuple(id, fc.boolean()).map(([n, on]) => [`drop ${n} ${on}`, (way) => dropsOf(way).mark(n, on)] as [string, Step]),
  fc
    .tuple(id, fc.constantFrom('trades', 'sums'), fc.constantFrom('', null), fc.integer({ min: 1, max: 9 }))
    .map(
      ([n, store, after, size]) =>
        [
          `drop rows ${n} ${store} ${after} ${size}`,
          (way) => dropsOf(way).rows(n, store as 'trades', after ?? (store === 'trades' ? ID(2) : 'c2'), size),
        ] as [string, Step],
    ),
  id.map((n) => [`dropped ${n}`, (way) => dropsOf(way).end(n)] as [string, Step]),
  fc
    .tuple(id, fc.uniqueArray(fc.nat(6)))
    .map(([n, trades]) => [`put ${n} ${trades}`, (way) => put(way, n, trades)] as [string, Step]),
)

test('any sequence of calls leaves the same versions, and the same of each, in memory and in PostgreSQL', async () => {
  const { direct } = ways
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
      const memory: Way = { name: 'memory', memory: createMemoryDatabase() }
      await cleared(direct)
      for (const [what, run] of steps) {
        const answers = []
        for (const way of [memory, direct]) {
          const versions = (await run(way)) ?? null
          const list = (await versionsOf(way).list()).map(({ created_at: _, ...v }) => v)
          const sizes = [...(await readVersionSizes(sizesOf(way), () => {}, 3))].map(([n, s]) => [
            n,
            s.events,
            s.coefficients,
          ])
          const meant = await coefficientsOf(way).version('lowcap-v4')
          answers.push({
            versions,
            list,
            sizes: sizes.sort(),
            meant: meant?.model_version,
            kept: await versionsOf(way).maintained('t'),
          })
        }
        expect(answers[0], what).toEqual(answers[1])
      }
    }),
    { numRuns: 60 },
  )
})
