/** Sizing: the page’s API says what `allocate --json` says, now and at past moments; the waterfall says what the API says; what is hostile is text, or refused. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seeded } from '../../core/random.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { number, plain } from '../../web/numbers.ts'
import { browserMissing, launchBrowser, openPage, sideways, violations } from '../support/browser.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { type Json, type PageHost, startPageHost } from '../support/page-host.ts'

const DAY = 86_400_000
const START = Date.UTC(2026, 0, 1)
const THEN = '2026-01-21T06:00Z'
const HOSTILE = ['<script>window.hacked = 1</script>', '\u202egnp.exe\u202c', `"'&|%=`, 'L'.repeat(1_900)]
const CONTEXT = { curator: 'alice', chain: 'base', mcap_at_entry: 1_500_000, intent: 'a' }
const SIZES = { base: 4, min: 1, max: 6 }

let host: PageHost
let browser: Browser
beforeAll(async () => {
  host = await startPageHost(market(240), ['lowcap-v5'])
  if (!browserMissing) browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  await host?.stop()
})

/** 40 days of trades; alice knows something. The newest one is bob’s. */
function market(trades: number): PositionClosed[] {
  const random = seeded(4)
  const one = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)] as T
  return Array.from({ length: trades }, (_, i) => {
    const curator = i === trades - 1 ? 'bob' : one(['alice', 'alice', 'bob', ...HOSTILE])
    const closed_at = i === trades - 1 ? START + 41 * DAY : START + Math.floor(random() * 40 * DAY)
    const rr = random() * 4 - 1 + (curator === 'alice' ? 2 : 0)
    const levers = { curator, chain: one(['base', 'solana']), intent: one(['a', 'b', 'c']) }
    const measures = { mcap_at_entry: one([400_000, 1_500_000]) }
    return closedTrade({
      position_id: `size-${i}`,
      symbol: `S${i}`,
      opened_at: closed_at - DAY,
      closed_at,
      rr,
      levers,
      measures,
    })
  })
}

const sized = async (query: string, body: object): Promise<Json> => {
  const [status, decision] = await host.ask(`/v1/allocations${query}`, body)
  expect([status, decision.error]).toEqual([200, undefined])
  return decision
}
const nineDigits = (answer: Json) =>
  JSON.parse(JSON.stringify(answer, (_, value) => (typeof value === 'number' ? Number(value.toPrecision(9)) : value)))
const asOptions = ({ context = CONTEXT as object, base = 4, min = 1, max = 6 } = {}) => [
  'allocate',
  '--context',
  JSON.stringify(context),
  '--base',
  `${base}`,
  '--min',
  `${min}`,
  '--max',
  `${max}`,
]

describe('the API', () => {
  test.each([
    ['now', '', []],
    ['as of a moment', `?as_of=${THEN}`, ['--as-of', THEN]],
    ['below an offset', '?at_offset=30', ['--at-offset', '30']],
    ['by another model', '?model=lowcap-v5', ['--model', 'lowcap-v5']],
    ['by another model as of a moment', `?model=lowcap-v5&as_of=${THEN}`, ['--model', 'lowcap-v5', '--as-of', THEN]],
  ])('answers what allocate --json prints: %s', async (_, query, options) => {
    const answer = await sized(query, { entry_context: CONTEXT, timeframe: '1h', ...SIZES })
    const printed = await host.command(...asOptions(), '--timeframe', '1h', ...options)
    // of the past to nine digits: sums depend on the order in which partitions are read
    if (/as_of|at_/.test(query)) expect(nineDigits(answer)).toEqual(nineDigits(printed))
    else expect(answer).toEqual(printed)
    expect(answer.factors.some((f: Json) => f.known)).toBe(true)
  })

  test('of a moment it knows no more than was known then', async () => {
    const [now, then] = await Promise.all(
      ['', `?as_of=${THEN}`].map((query) => sized(query, { entry_context: CONTEXT, ...SIZES })),
    )
    expect(then?.global_rr.n).toBeLessThan(now?.global_rr.n)
    const before = await sized('?as_of=2020-01-01', { entry_context: CONTEXT, ...SIZES })
    expect([before.allocation, before.multiplier]).toEqual([4, 1])
  })

  test('says what a model reads, and what the newest entry was', async () => {
    const [status, { model, fields, newest, models, timeframes }] = await host.ask('/v1/contexts')
    expect([status, model.name, models]).toEqual([200, 'lowcap-v4', ['lowcap-v4', 'lowcap-v5']])
    const [curator, chain, bucket, mcap] = fields
    expect([curator.field, chain.field, bucket.field, mcap.field]).toEqual([
      'curator',
      'chain',
      'mcap_bucket',
      'mcap_at_entry',
    ])
    expect(mcap).toMatchObject({ kind: 'measure', unit: 'USD', bands: [{ lever: 'cap' }] })
    expect(curator.values[0].value).toBe('alice')
    expect(curator.values.map((v: Json) => v.value)).toEqual(expect.arrayContaining(HOSTILE))
    // as many as the coefficients say
    const { coefficients: rows } = await host.command('coefficients', '--scope', 'lever', '--name', 'curator')
    for (const { value, n } of curator.values)
      expect([value, rows.find((r: Json) => r.key === value)?.n]).toEqual([value, n])
    expect(newest).toMatchObject({ symbol: 'S239', timeframe: '1h', entry_context: { curator: 'bob' } })
    expect(timeframes.find((t: Json) => t.timeframe === '1h').n).toBe(240)
    // its size is that of the entry itself: a bucket’s word says what the number said
    expect(newest.entry_context.mcap_bucket).toMatch(/^(<500k|1m-2m)$/)
  })

  test('what makes no sense is refused in a sentence, and no file of this machine is looked at', async () => {
    const body = { entry_context: CONTEXT, ...SIZES }
    for (const [path, sent] of [
      [`/v1/allocations?as_of=${THEN}&at_time=${THEN}`, body],
      ['/v1/allocations?as_of=yesterday', body],
      ['/v1/allocations?model=%2Fetc%2Fpasswd', body],
      [`/v1/allocations?as_of=${THEN}`, { ...body, model: '/etc/passwd' }],
      ['/v1/allocations', { ...body, entry_context: { curator: 'a\0b' } }],
      ['/v1/allocations', { ...body, entry_context: { curator: 'x'.repeat(4_000) } }],
      ['/v1/contexts?model=..%2Fmodels%2Flowcap-v4.json', undefined],
      ['/v1/contexts?model=nobody', undefined],
    ] as const) {
      const [status, { error }] = await host.ask(path, sent)
      expect([path, status, error.code]).toEqual([path, 400, 'USAGE'])
      expect(error.todo, path).toBeTruthy()
    }
  })
})

/** Runs in the browser: what a person reads. */
const CELLS = "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.innerText.replace(/\\s+/g, ' ').trim()))"
const rowsOf = (page: Page, part: string) =>
  page.locator(`.waterfall ${part} tr`).evaluateAll(new Function(`return ${CELLS}`)() as never) as Promise<string[][]>
const times = (text: string) => Number(/× ([\d.]+)/.exec(text)?.[1])
/** Until the address has a context with this text. */
const asks = (page: Page, text: string) =>
  page.waitForURL((url) => (url.searchParams.get('context') ?? '').includes(text))
const linkTo = (query: Record<string, string | number>) =>
  `${host.url}/sizing?${new URLSearchParams(Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)])))}`

describe.skipIf(browserMissing)('in a browser', () => {
  test.each([
    ['now', ''],
    ['at a past moment', THEN],
  ])('the waterfall is what the API says, %s: from the base over each factor to the size', async (_, as_of) => {
    const query = { context: JSON.stringify(CONTEXT), timeframe: '1h', ...SIZES, ...(as_of ? { as_of } : {}) }
    const decision = await sized(as_of ? `?as_of=${as_of}` : '', { entry_context: CONTEXT, timeframe: '1h', ...SIZES })
    const page = await openPage(browser, linkTo(query))
    await page.locator('.waterfall tfoot').waitFor()
    const rows = await rowsOf(page, 'tbody')
    const factors = rows.slice(1, 1 + decision.factors.length)
    expect(rows[0]?.slice(0, 3)).toEqual(['Base', '', '4'])
    for (const [i, factor] of (decision.factors as Json[]).entries()) {
      const [name = '', counts = '', , n, , , lately] = factors[i] as string[]
      expect(name).toContain(factor.key)
      expect(counts).toContain(`× ${number(factor.adjusted_weight)}`)
      expect([n, lately]).toEqual([String(factor.n), factor.known ? factor.temperature : 'nothing learned'])
    }
    // what is seen multiplies to what is said
    const product = factors.reduce((all, row) => all * times(row[1] as string), 1)
    expect(product / decision.multiplier_unclamped).toBeCloseTo(1, 2)
    expect(factors.at(-1)?.[2]).toBe(plain(4 * decision.multiplier))
    const bounds = rows.slice(1 + decision.factors.length)
    expect(bounds.length).toBe(decision.bounded_by ? 1 : 0)
    const [, total = '', size] = (await rowsOf(page, 'tfoot'))[0] as string[]
    expect([total, size]).toEqual([`× ${number(decision.allocation / 4)}`, plain(decision.allocation)])
    expect(await page.locator('.size strong').innerText()).toBe(plain(decision.allocation))
    // each factor that is known leads to its trades, of this moment
    const links = await page
      .locator('.waterfall tbody th a')
      .evaluateAll((all) => all.map((a) => (a as unknown as { href: string }).href))
    expect(links.length).toBe(decision.factors.filter((f: Json) => f.known).length)
    for (const link of links) {
      const { pathname, searchParams } = new URL(link)
      expect([pathname, searchParams.get('as_of') ?? '']).toEqual(['/coefficient', as_of])
      expect(decision.factors.map((f: Json) => `${f.name} ${f.key}`)).toContain(
        `${searchParams.get('name')} ${searchParams.get('key')}`,
      )
    }
    const said = await page.locator('.why').innerText()
    for (const lever of decision.unset_levers) expect(said).toContain(lever)
    expect(await violations(page)).toEqual([])
    expect(page.wrong).toEqual([])
    await page.context().close()
  })

  test('by the rule shrunk the market is a factor as well, and the model’s bound is seen', async () => {
    const decision = await sized('?model=lowcap-v5', { entry_context: CONTEXT, ...SIZES })
    const page = await openPage(browser, linkTo({ context: JSON.stringify(CONTEXT), ...SIZES, model: 'lowcap-v5' }))
    await page.locator('.waterfall tfoot').waitFor()
    const rows = await rowsOf(page, 'tbody')
    expect(rows[1]?.[0]).toContain('all trades, lately')
    expect(rows[1]?.[5]).toMatch(/±/)
    expect(await page.locator('.waterfall tbody a').first().getAttribute('href')).toBe(
      '/coefficient?name=baseline&model=lowcap-v5',
    )
    // without a timeframe the size is split
    const split = await page.locator('section:has(h2:text("Split over timeframes")) tbody tr').allInnerTexts()
    expect(split.length).toBe(decision.timeframes.length)
    expect(split[2]).toContain(plain(decision.timeframes[2].allocation))
    await page.context().close()
  })

  test('without a question it is the newest trade’s entry; fields and JSON go in step, and the address has them', async () => {
    const page = await openPage(browser, `${host.url}/sizing`)
    const json = page.getByLabel(/As JSON/)
    await page.locator('.waterfall tfoot').waitFor()
    const entry = async () => JSON.parse(await json.inputValue())
    expect((await entry()).curator).toBe('bob')
    expect(await page.locator('main').innerText()).toContain('S239')
    expect(new URL(page.url()).search).toBe('')
    await page.getByLabel('curator', { exact: true }).fill('alice')
    await asks(page, '"curator":"alice"')
    expect((await entry()).curator).toBe('alice')
    await page.getByLabel(/mcap_at_entry/).fill('1500000.5')
    await asks(page, '1500000.5')
    expect((await entry()).mcap_at_entry).toBe(1_500_000.5)
    await json.fill('{"curator": "carol", "chain": "base"}')
    await asks(page, '{"curator":"carol","chain":"base"}')
    expect(await page.getByLabel('curator', { exact: true }).inputValue()).toBe('carol')
    expect(await page.getByLabel(/mcap_at_entry/).inputValue()).toBe('')
    await page.getByLabel('Base', { exact: true }).fill('2')
    await page.locator('.size:has-text("base 2")').waitFor()
    // the link is the whole view: somebody else sees the same
    const { entry_context, ...sizes } = {
      entry_context: { curator: 'carol', chain: 'base' },
      timeframe: '1h',
      base: 2,
      min: 1,
      max: 10,
    }
    const decision = await sized('', { entry_context, ...sizes })
    const other = await openPage(browser, page.url())
    await other.locator(`.size strong:text-is("${plain(decision.allocation)}")`).waitFor()
    expect(await other.locator('.waterfall tbody').innerText()).toBe(await page.locator('.waterfall tbody').innerText())
    await other.context().close()
    await page.context().close()
  })

  test('hostile values are text, and what is no entry is refused in a sentence', async () => {
    const page = await openPage(
      browser,
      linkTo({ context: JSON.stringify({ curator: HOSTILE[0], chain: HOSTILE[1] }), ...SIZES }),
    )
    const json = page.getByLabel(/As JSON/)
    await page.locator('.waterfall tfoot').waitFor()
    const shown = await page.locator('.waterfall').innerText()
    expect(shown).toContain(HOSTILE[0])
    expect(shown).toContain(HOSTILE[1])
    for (const [text, said] of [
      ['{"curator": "al', /This is no JSON/],
      ['[1, 2]', /no object/],
      ['{"curator": {"a": 1}}', /curator/],
      ['{"curator": 5}', /lever curator reads a text/],
      [JSON.stringify({ curator: 'x'.repeat(4_000) }), /curator/],
      ['{"curator": "nul\\u0000"}', /well-formed/],
    ] as const) {
      await json.fill(text)
      await page.locator('[role=alert]').filter({ hasText: said }).first().waitFor()
    }
    await json.fill(JSON.stringify({ __proto__: 1, '<b>field</b>': '\u202eevil', curator: 'alice' }))
    await page.locator('.notice.warning').filter({ hasText: '<b>field</b>' }).waitFor()
    expect(await page.evaluate('window.hacked')).toBeUndefined()
    expect(page.wrong).toEqual([])
    await page.context().close()
  })

  test('fits a phone', async () => {
    const page = await openPage(browser, `${host.url}/sizing`, {
      viewport: { width: 390, height: 844 },
      colorScheme: 'dark',
    })
    await page.locator('.waterfall tfoot').waitFor()
    expect(await sideways(page)).toBe(0)
    expect(await violations(page)).toEqual([])
    await page.context().close()
  })
})
