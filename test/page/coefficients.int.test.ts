/** Coefficients, one of them, and trades: the page's API says what the commands say, at any moment; the page what its API says; and hostile texts are text. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { type Host, startHost } from '../../core/host.ts'
import { seeded } from '../../core/random.ts'
import type { ServiceDeps } from '../../core/service.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { createReadings } from '../../page/coefficients/readings.ts'
import { createHistories } from '../../page/histories.ts'
import { createPage, OPEN_PATHS } from '../../page/index.ts'
import { learnUntilCaughtUp } from '../../services/learner/catch-up.ts'
import { number, outcomeText, time } from '../../web/numbers.ts'
import { browserMissing, launchBrowser, openPage, sideways, violations } from '../support/browser.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestKafka, type TestKafka } from '../support/kafka.ts'
import { createStage, type Stage } from '../support/kafka-learner.ts'
import { logger } from '../support/pm.ts'
import { runCommand } from '../support/strandline.ts'

const DAY = 86_400_000
const START = Date.UTC(2025, 5, 1)
const THEN = '2025-06-21T06:00:00Z'
const HOSTILE = ['<script>window.hacked = 1</script>', '\u202egnp.exe\u202c', `"'&|%=`, 'L'.repeat(1_900)]

let db: TestDatabase
let kafka: TestKafka
let stage: Stage
let dir: string
let deps: ServiceDeps
let host: Host
let browser: Browser
beforeAll(async () => {
  ;[db, kafka] = await Promise.all([createTestDatabase(), createTestKafka()])
  dir = await mkdtemp(join(tmpdir(), 'strandline-page-'))
  vi.stubEnv('STRANDLINE_CACHE_DIR', dir)
  stage = await createStage(db, kafka, { partitions: 3 })
  const events = market(300)
  await stage.publish(events)
  await stage.publish(events.slice(0, 30).map((e, i) => ({ ...e, revision: 1, voided: i % 3 === 0, rr: 2 })))
  deps = {
    config: stage.config,
    log: kafka.log,
    store: db.store,
    codec: createCodec(stage.config),
    clock: systemClock,
    logger,
    metrics: new Registry(),
  }
  await learnUntilCaughtUp({ ...deps, metrics: new Registry() }, 'lowcap-v5')
  await stage.catchUp()
  const metrics = new Registry()
  const service = await createPage({ operate: false })({ ...deps, metrics })
  host = await startHost({ service, port: 0, metrics, logger, open: OPEN_PATHS })
  if (!browserMissing) browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  await host?.stop()
  await kafka?.close()
  await db?.drop()
  vi.unstubAllEnvs()
  await rm(dir, { recursive: true, force: true })
})

/** 40 days of trades. A value of 4,000 characters is no value, and a text with a NUL is no trade: the rest of them count. */
function market(trades: number): PositionClosed[] {
  const random = seeded(3)
  const one = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)] as T
  return Array.from({ length: trades }, (_, i) => {
    const closed_at = START + Math.floor(random() * 40 * DAY)
    const curator = i === 7 ? 'M'.repeat(4_000) : i === 8 ? 'nul\0' : one(['alice', 'bob', 'carol', ...HOSTILE])
    return closedTrade({
      position_id: `page-${i}`,
      symbol: i % 50 === 0 ? (one(HOSTILE) as string).slice(0, 200) : `T${i}`,
      opened_at: START - DAY,
      closed_at,
      rr: random() < 0.03 ? null : random() * 6 - 2,
      levers: { curator, chain: one(['base', 'solana']), intent: one(['a', 'b', 'c']) },
      measures: {},
    })
  })
}

// biome-ignore lint/suspicious/noExplicitAny: answers are compared with each other, whatever they hold
type Json = Record<string, any>

async function ask(path: string): Promise<Json> {
  const answer = await fetch(`${host.url}${path}`)
  const body = (await answer.json()) as Json
  expect([path, answer.status, body.error]).toEqual([path, 200, undefined])
  return body
}

async function command(...args: string[]): Promise<Json> {
  const env = {
    SUPABASE_URL: db.supabaseUrl,
    SUPABASE_SERVICE_ROLE_KEY: db.key,
    KAFKA_BROKERS: kafka.brokers,
    SCHEMA_REGISTRY_URL: kafka.registryUrl,
    STRANDLINE_TOPIC: stage.topic,
    STRANDLINE_CACHE_DIR: dir,
  }
  const { code, stdout, stderr } = await runCommand([...args, '--json'], { cwd: dir, env })
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as Json
}

/** Of the browser's elements what is read here: this project knows no document. */
interface Row {
  cells: Iterable<{ textContent: string }>
}
interface Scrolled {
  scrollTop: number
  scrollHeight: number
}

/** Where two answers differ, by the path; numbers may by 1e-9. */
function differences(a: unknown, b: unknown, path = ''): string[] {
  if (typeof a === 'number' && typeof b === 'number')
    return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a)) ? [] : [`${path}: ${a} ${b}`]
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return a === b ? [] : [`${path}: ${a} ${b}`]
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...names].flatMap((name) => differences((a as Json)[name], (b as Json)[name], `${path}.${name}`))
}

const query = (of: Record<string, string>) => new URLSearchParams(of).toString()

test('the API answers what the commands print with --json: now to the last bit; at past moments to nine digits, for sums depend on the order in which partitions are read', async () => {
  const hostile = HOSTILE[0] as string
  const taken = (await ask('/v1/extent')).taken
  const middle = new Date((Date.parse(taken.first) + Date.parse(taken.last)) / 2).toISOString()
  const same: [path: string, of: Record<string, string>, ...args: string[]][] = [
    ['coefficients', {}, 'coefficients'],
    ['coefficients', { as_of: THEN, scope: 'lever' }, 'coefficients', '--as-of', THEN, '--scope', 'lever'],
    ['coefficients', { at_time: middle }, 'coefficients', '--at-time', middle],
    [
      'coefficients',
      { model: 'lowcap-v5', name: 'curator', min_n: '5' },
      'coefficients',
      '--model',
      'lowcap-v5',
      '--name',
      'curator',
      '--min-n',
      '5',
    ],
    [
      'coefficients',
      { model: 'lowcap-v5', at_offset: '0:40' },
      'coefficients',
      '--model',
      'lowcap-v5',
      '--at-offset',
      '0:40',
    ],
    ['explain', { name: 'curator', key: hostile }, 'explain', 'curator', hostile],
    ['explain', { name: 'baseline', as_of: THEN, limit: '7' }, 'explain', 'baseline', '--as-of', THEN, '--limit', '7'],
    [
      'history',
      { name: 'curator', key: 'alice', as_of: THEN, points: '9' },
      'history',
      'curator',
      'alice',
      '--as-of',
      THEN,
      '--points',
      '9',
    ],
    [
      'diff',
      { from: THEN, to: '2025-07-01', limit: '12' },
      'diff',
      '--from',
      THEN,
      '--to',
      '2025-07-01',
      '--limit',
      '12',
    ],
    [
      'trades',
      { lever: 'curator=bob', since: '2025-06-10', limit: '5' },
      'trades',
      '--lever',
      'curator=bob',
      '--since',
      '2025-06-10',
      '--limit',
      '5',
    ],
    ['trades', { voided: 'true' }, 'trades', '--voided'],
  ]
  let next = 0
  const compare = async () => {
    for (let mine = same[next++]; mine; mine = same[next++]) {
      const [path, of, ...args] = mine
      const printed = await command(...args)
      const { total, ...answer } = await ask(`/v1/${path}?${query(of)}`)
      if (path === 'coefficients') expect(total).toBe(printed.coefficients.length)
      const found = path === 'trades' ? { ...answer, total } : answer
      if (path === 'coefficients' && printed.as_of === null && Object.keys(of).every((k) => !k.startsWith('at')))
        expect(found).toEqual(printed)
      else expect([args, differences(found, printed)]).toEqual([args, []])
      const many = printed.coefficients ?? printed.trades ?? printed.points ?? printed.changed
      expect([args, many.length > 0]).toEqual([args, true])
    }
  }
  await Promise.all([compare(), compare()])
})

test('pages are parts of the whole, in the order that is asked for', async () => {
  const whole = await ask(`/v1/coefficients?${query({ as_of: THEN })}`)
  const paged: Json[] = []
  for (let offset = 0; offset < whole.total; offset += 50)
    paged.push(
      ...(await ask(`/v1/coefficients?${query({ as_of: THEN, offset: String(offset), limit: '50' })}`)).coefficients,
    )
  expect(paged).toEqual(whole.coefficients)
  const heaviest = await ask(`/v1/coefficients?${query({ as_of: THEN, sort: 'weight', limit: '20' })}`)
  expect(heaviest.total).toBe(whole.total)
  expect(heaviest.coefficients.map((c: Json) => c.weight)).toEqual(
    whole.coefficients
      .map((c: Json) => c.weight)
      .sort((a: number, b: number) => b - a)
      .slice(0, 20),
  )
  const trades = await ask('/v1/trades')
  const page = await ask(`/v1/trades?${query({ offset: '30', limit: '20' })}`)
  expect(page.trades).toEqual(trades.trades.slice(30, 50))
})

test('beside another moment or model each row has the numbers of there', async () => {
  const [now, then, v5] = await Promise.all([
    ask('/v1/coefficients'),
    ask(`/v1/coefficients?${query({ as_of: THEN })}`),
    ask('/v1/coefficients?model=lowcap-v5'),
  ])
  const at = (of: Json, row: Json) => of.coefficients.find((c: Json) => c.name === row.name && c.key === row.key)
  const moved = await ask(`/v1/coefficients?${query({ against_as_of: THEN, sort: 'moved' })}`)
  expect([moved.global_rr, moved.against.global_rr]).toEqual([now.global_rr, then.global_rr])
  const far = (row: Json) => Math.abs(Math.log(row.weight / (row.against?.weight ?? 1)))
  for (const [i, row] of moved.coefficients.entries()) {
    const { module, scope, name, key, ...numbers } = at(then, row) ?? {}
    expect(row.against).toEqual(name === undefined ? null : numbers)
    if (i > 0) expect(far(row)).toBeLessThanOrEqual(far(moved.coefficients[i - 1]))
  }
  expect(moved.coefficients.some((c: Json) => c.against === null)).toBe(true)
  const models = await ask('/v1/coefficients?against_model=lowcap-v5&limit=10')
  expect(models.against.model.name).toBe('lowcap-v5')
  for (const row of models.coefficients) expect(row.against.weight).toBe(at(v5, row).weight)
})

test('of very many, now is listed from the log and read from the database row by row: the same numbers', async () => {
  const histories = createHistories({ ...deps, cacheDir: dir })
  let at = 0
  // each look is another second's, and the log may take as long as it likes to be read
  const patient = { ...systemClock, now: () => (at += 2_000), sleep: () => new Promise<void>(() => undefined) }
  try {
    for (const name of [undefined, 'lowcap-v5']) {
      const readings = createReadings({ store: db.store, histories, clock: patient }, 5)
      await readings.at(name, {}) // how many there are is not known before
      const listed = await readings.at(name, {})
      const whole = await ask(`/v1/coefficients${name ? `?model=${name}` : ''}`)
      expect(listed.exact).toBeDefined()
      const exact = await listed.exact?.(listed.rows)
      expect(exact?.rows).toEqual(whole.coefficients)
      expect(exact?.head.global_rr).toEqual(whole.global_rr)
      expect(exact?.head.spread).toEqual(whole.spread)
    }
  } finally {
    await histories.stop()
  }
})

test('what was learned since is in the next answer', async () => {
  const before = await ask('/v1/coefficients?limit=1')
  const late = closedTrade({
    position_id: 'late',
    closed_at: START + 41 * DAY,
    opened_at: START,
    rr: 3,
    levers: { curator: 'dave' },
    measures: {},
  })
  await stage.publish([late])
  await stage.catchUp()
  await expect.poll(async () => (await ask('/v1/coefficients?search=dave&scope=lever')).total).toBe(1)
  expect((await ask('/v1/coefficients?limit=1')).global_rr.n).toBe(before.global_rr.n + 1)
  expect((await ask('/v1/extent')).trades).toBe(before.global_rr.n + 1)
})

test('what makes no sense is refused in a sentence, and no file of the machine is read', async () => {
  const bad: [string, number, RegExp][] = [
    ['coefficients?sort=colour', 400, /sort is "colour"/],
    ['coefficients?limit=-1', 400, /limit is "-1"/],
    ['coefficients?as_of=yesterday', 400, /as_of is "yesterday"/],
    ['coefficients?as_of=2025-06-21&at_offset=3', 400, /More than one moment/],
    ['coefficients?model=nobody', 400, /nobody/],
    ['explain?name=curator&key=nobody', 404, /No trade counts for curator "nobody"/],
    ['explain?name=colour&key=red', 400, /no lever and no interaction 'colour'/],
    ['history?name=curator&key=%00', 200, /^$/],
    ['trades?lever=curator', 400, /lever is "curator"/],
    ['trades?voided=true&unscored=true', 400, /voided and unscored/],
    ['explain?model=%2Fetc%2Fpasswd', 400, /model is "\/etc\/passwd"/],
    ['extent?model=package.json', 400, /model is "package.json"/],
  ]
  for (const [path, status, sentence] of bad) {
    const answer = await fetch(`${host.url}/v1/${path}`)
    const { error } = (await answer.json()) as Json
    expect([path, answer.status, error?.message ?? '']).toEqual([path, status, expect.stringMatching(sentence)])
  }
})

describe.skipIf(browserMissing)('in a browser', () => {
  const textsOf = (rows: Locator): Promise<string[][]> =>
    rows.evaluateAll((all) =>
      (all as unknown as Row[]).map((row) =>
        [...row.cells].map((cell) => cell.textContent.replace(/\s+/g, ' ').trim()),
      ),
    )
  const rowsOf = (page: Page) => textsOf(page.locator('tbody tr:not(.room)'))
  const settled = (page: Page) => page.locator('main [aria-busy="false"]').first().waitFor()

  /** What is read in the table is what the API says. */
  async function expectCoefficients(page: Page, answer: Json): Promise<void> {
    const outcome = outcomeText(answer.model.outcome)
    const expected = answer.coefficients.map((c: Json) => [
      `${c.name} ${c.key}`.replace(/\s+/g, ' '),
      number(c.weight),
      String(c.n),
      outcome.value(c.rr_short),
      outcome.value(c.rr_long),
    ])
    await expect
      .poll(async () => (await rowsOf(page)).map(([name, weight, n, , short, long]) => [name, weight, n, short, long]))
      .toEqual(expected)
    const baseline = await page.locator('.baselines strong').allTextContents()
    expect(baseline.slice(0, 3)).toEqual([
      outcome.value(answer.global_rr.rr_short),
      outcome.value(answer.global_rr.rr_long),
      `${answer.global_rr.n} trades`,
    ])
  }

  test('every number is the API’s; the slider moves all of it to what --as-of gives; the address keeps it', async () => {
    const page = await openPage(browser, `${host.url}/coefficients?sort=weight`)
    await page.getByRole('link', { name: 'alice' }).waitFor()
    await expectCoefficients(page, await ask('/v1/coefficients?scope=lever&sort=weight&limit=200'))
    expect(await violations(page)).toEqual([])

    const slider = page.getByRole('slider')
    await slider.focus()
    for (let i = 0; i < 3; i++) await page.keyboard.press('PageDown')
    await page.waitForURL(/as_of=/)
    await expect.poll(() => page.locator('.baselines').textContent()).toContain('as of')
    const as_of = new URL(page.url()).searchParams.get('as_of') as string
    const then = await ask(`/v1/coefficients?${query({ scope: 'lever', sort: 'weight', limit: '200', as_of })}`)
    await expectCoefficients(page, then)
    const printed = await command('coefficients', '--scope', 'lever', '--as-of', as_of)
    const byName = (a: Json, b: Json) => (a.name + a.key < b.name + b.key ? -1 : 1)
    expect(differences(then.coefficients.sort(byName), printed.coefficients.sort(byName))).toEqual([])
    expect(then.global_rr.n).toBeLessThan((await ask('/v1/extent')).trades)

    // the moment goes along
    await page.getByRole('link', { name: 'alice', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'curator alice' }).waitFor()
    expect(new URL(page.url()).searchParams.get('as_of')).toBe(as_of)
    await page.goBack()
    await page.getByRole('button', { name: 'Now', exact: true }).click()
    await expectCoefficients(page, await ask('/v1/coefficients?scope=lever&sort=weight&limit=200'))

    await page.getByRole('searchbox', { name: 'Search' }).fill('ALI')
    await page.waitForURL(/search=ALI/)
    await expectCoefficients(page, await ask('/v1/coefficients?scope=lever&sort=weight&search=ali&limit=200'))
    expect(page.wrong).toEqual([])
    await page.context().close()
  })

  test('interactions come in pages as one scrolls; two moments stand side by side', async () => {
    const page = await openPage(browser, `${host.url}/coefficients?scope=interaction&sort=n&against_as_of=${THEN}`)
    const question = { scope: 'interaction', sort: 'n', against_as_of: THEN }
    const { total, coefficients } = await ask(`/v1/coefficients?${query(question)}`)
    await page.getByText(`${total} coefficients`).waitFor()
    const cells = (row: Json) =>
      [
        row.key,
        number(row.weight),
        row.against ? number(row.against.weight) : '–',
        `× ${number(row.weight / (row.against?.weight ?? 1))}`,
        String(row.against?.n ?? 0),
        String(row.n),
      ].map((t) => t.replace(/\s+/g, ' ').trim())
    const first = (await rowsOf(page)).slice(0, 10).map((row) => row.slice(0, 6))
    expect(first).toEqual(coefficients.slice(0, 10).map(cells))
    if (total > 200) {
      await page.locator('.table.virtual').evaluate((box) => {
        const scrolled = box as unknown as Scrolled
        scrolled.scrollTop = scrolled.scrollHeight
      })
      await expect.poll(async () => (await rowsOf(page)).at(-1)?.slice(0, 6)).toEqual(cells(coefficients.at(-1)))
    }
    expect(await violations(page)).toEqual([])
    expect(page.wrong).toEqual([])
    await page.context().close()
  })

  test('one coefficient: its numbers, its course, its trades, and behind one of them what the log has', async () => {
    const page = await openPage(browser, `${host.url}/coefficient?name=curator&key=alice`)
    const found = await ask('/v1/explain?name=curator&key=alice')
    const outcome = outcomeText(found.model.outcome)
    await page.getByRole('heading', { name: 'Its trades', exact: true }).waitFor()
    const figures = await page.locator('dl.figures dd').allTextContents()
    const { weight, rr_short, rr_long, n } = found.coefficient
    expect(figures.slice(0, 4)).toEqual([
      number(weight),
      outcome.value(rr_short),
      outcome.value(rr_long),
      `${n} trades`,
    ])
    const shares = page.getByRole('region', { name: 'Its trades' }).locator('tbody tr')
    const table = await textsOf(shares)
    expect(table.map((row) => [row[0], row[2], row[4], row[6], row[7], row[9]])).toEqual(
      found.trades.map((t: Json) => [
        time(t.closed_at),
        outcome.value(t.outcome),
        outcome.value(t.share_short),
        outcome.value(t.share_long),
        String(t.revision),
        `${t.partition}:${t.offset}`,
      ]),
    )
    await page.locator('.chart canvas').nth(1).waitFor()

    const revised = found.trades.findIndex((t: Json) => t.revisions?.length === 2)
    expect(revised).toBeGreaterThanOrEqual(0)
    await shares.nth(revised).getByRole('link').click()
    const behind = page.getByRole('region', { name: 'The trade' })
    const { revisions, event_id } = found.trades[revised]
    await behind.getByText(event_id).waitFor()
    const told = await textsOf(behind.locator('tbody tr'))
    expect(told.map(([revision, , , partition, offset, , value]) => [revision, partition, offset, value])).toEqual(
      revisions.map((r: Json) => [String(r.revision), String(r.partition), String(r.offset), outcome.value(r.outcome)]),
    )
    expect(new URL(page.url()).searchParams.get('trade')).toBe(event_id)
    expect(await violations(page)).toEqual([])
    expect(page.wrong).toEqual([])
    await page.context().close()
  })

  test('whatever a value is called, it is text: in lists, on its own page, on a phone', async () => {
    const page = await openPage(browser, `${host.url}/coefficients?name=curator`, {
      viewport: { width: 390, height: 844 },
      colorScheme: 'dark',
    })
    const isText = async (what: Locator, text: string) => {
      await what.waitFor()
      expect(await what.textContent()).toBe(text)
      expect(
        await what.evaluate(
          (element) =>
            (globalThis as unknown as { getComputedStyle(of: unknown): { unicodeBidi: string } }).getComputedStyle(
              element,
            ).unicodeBidi,
        ),
      ).toMatch(/isolate/)
    }
    for (const text of HOSTILE) {
      await page.goto(`${host.url}/coefficients?name=curator`)
      const link = page.locator('td a').filter({ hasText: text.slice(0, 20) })
      await isText(link, text)
      expect(await sideways(page)).toBe(0)
      await link.click()
      await isText(page.locator('h1 .any'), text)
      await page.getByRole('heading', { name: 'Its trades', exact: true }).waitFor()
      await settled(page)
      expect(await sideways(page)).toBe(0)
    }
    await page.goto(`${host.url}/trades`)
    const { trades } = await ask('/v1/trades')
    await page.getByText(`${trades.length} trades`).waitFor()
    await page.goto(`${host.url}/coefficient?${query({ name: 'curator', key: '<b>\u202e nobody' })}`)
    await page.getByRole('alert').getByText('No trade counts for curator').waitFor()
    expect(await violations(page)).toEqual([])
    expect(await page.evaluate('window.hacked')).toBeUndefined()
    expect(page.wrong).toEqual([])
    await page.context().close()
  })
})
