/** The page's first view in a real browser, beside a whole stack: what it says is what the commands say, whatever happens to the services. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { LagReport } from '../../core/lag/lag.ts'
import type { LoopState } from '../../page/loop/state.ts'
import type { AuditReport } from '../../services/audit/audit.ts'
import { browserMissing, launchBrowser, openPage, sideways, violations } from '../support/browser.ts'
import { PATIENT } from '../support/patience.ts'
import { startUp, type UpStack } from '../support/up.ts'

let stack: UpStack
let url: string
let browser: Browser
beforeAll(async () => {
  stack = await startUp()
  url = stack.env.STRANDLINE_PAGE_URL as string
  if (!browserMissing) browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  await stack?.stop()
})

/** What was acknowledged: a test that is tried again closes others than the time before. */
const closed = new Set<string>()
async function close(one: ReturnType<typeof trade>): Promise<void> {
  await stack.close(one)
  closed.add(one.id)
}

let trades = 0
const trade = (change: Record<string, unknown> = {}) => {
  trades++
  return {
    id: `page-${trades}`,
    symbol: `PAGE${trades}/USDT`,
    timeframe: '1h',
    opened_at: '2026-03-02T10:10:00Z',
    closed_at: '2026-03-02T14:30:00Z',
    entry_price: 2000,
    exit_price: 2100,
    max_drawdown: 0.02,
    entry_context: { curator: 'alice', chain: 'base' },
    ...change,
  }
}
/** Closes trades without a pause, each until it is acknowledged, whatever is killed meanwhile. */
async function underLoad(work: () => Promise<void>): Promise<void> {
  const stopping = new AbortController()
  const load = (async () => {
    while (!stopping.signal.aborted) {
      const one = trade()
      await vi.waitFor(() => close(one), { ...PATIENT, interval: 200 })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  try {
    await work()
  } finally {
    stopping.abort()
    await load
  }
}
const loop = async (): Promise<LoopState> => (await fetch(`${url}v1/loop`)).json() as Promise<LoopState>

test('up says where the page is', () => {
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
  expect(stack.services.page).toBe(url.slice(0, -1))
})

test('what a browser may do with it: our scripts, our answers, nothing else; and only under a name of ours', async () => {
  const answer = await fetch(url)
  const policy = answer.headers.get('content-security-policy')
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/unsafe|\*|https?:/)
  const { port } = new URL(url)
  const { request } = await import('node:http')
  const status = (headers: Record<string, string>) =>
    new Promise((resolve, reject) => {
      request({ port, path: '/v1/loop', headers }, (r) => resolve(r.resume().statusCode))
        .on('error', reject)
        .end()
    })
  expect(await status({ host: 'evil.example' })).toBe(421)
  expect(await status({ origin: 'https://evil.example' })).toBe(403)
  expect(await status({})).toBe(200)
})

describe.skipIf(browserMissing)('in a browser', () => {
  test('trades arrive in it, and its numbers are those of lag and audit', async () => {
    const page = await openPage(browser, url)
    if (closed.size === 0) await page.getByText('No trade is in the log yet.').waitFor()
    const five = Array.from({ length: 5 }, () => trade())
    for (const one of five) await close(one)
    for (const { symbol } of five) await page.getByRole('cell', { name: symbol }).waitFor()
    const all = closed.size
    await page.getByText(`All is well. ${all} trades are learned by lowcap-v4.`).waitFor()

    const lag = await stack.json<LagReport>('lag')
    const [learner] = lag.groups.filter((g) => g.active && g.consumer !== 'projector')
    const way = page.getByRole('region', { name: 'The way of a trade' })
    await expect
      .poll(() => way.innerText())
      .toMatch(
        new RegExp(
          `Log\\s+${all}\\s+records in 6 partitions[^]+Learner\\s+0\\s+records behind\\s+6 of 6 partitions held`,
        ),
      )
    expect(learner?.partitions.reduce((sum, p) => sum + p.log_end, 0)).toBe(all)

    const audit = await stack.json<AuditReport>('audit')
    await expect.poll(async () => (await loop()).audit?.in_log).toBe(all)
    expect((await loop()).audit).toMatchObject({ closed: audit.closed, in_ledger: audit.in_ledger, lost: 0, wrong: 0 })
    await expect
      .poll(() => page.locator('.six').innerText())
      .toMatch(
        new RegExp(
          `closed\\s+${all}\\s+waiting in the outbox\\s+0\\s+in the log\\s+${all}\\s+behind\\s+0\\s+refused\\s+0\\s+lost\\s+0`,
        ),
      )
    const { latency } = await loop()
    expect(latency?.samples).toBeGreaterThan(0)
    expect(latency?.p50).toBeGreaterThanOrEqual(0)
    expect(page.wrong).toEqual([])
    await page.context().close()
  })

  test('nobody is kept out, whatever they look with: dark, on a phone, without seeing it', async () => {
    for (const options of [
      { colorScheme: 'light' as const },
      { colorScheme: 'dark' as const },
      { viewport: { width: 390, height: 800 } },
    ]) {
      const page = await openPage(browser, url, options)
      await page.getByText('Closed last').waitFor()
      await page
        .getByRole('cell', { name: /^PAGE\d+.USDT/ })
        .first()
        .waitFor()
      expect(await violations(page)).toEqual([])
      expect(await sideways(page)).toBe(0)
      await page.context().close()
    }
  })

  test('what it needs for its first view is sent in less than 200 KB, and nothing of it twice', async () => {
    const page = await openPage(browser, 'about:blank')
    const client = await page.context().newCDPSession(page)
    await client.send('Network.enable')
    let bytes = 0
    client.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength))
    await page.goto(url)
    await page.getByText('Closed last').waitFor()
    expect(bytes).toBeGreaterThan(5_000)
    expect(bytes).toBeLessThan(200_000)
    await page.context().close()
  })

  test('hostile names are text', async () => {
    const page = await openPage(browser, url)
    const hostile = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', 'a\u202egnp.exe', 'x'.repeat(500)]
    for (const symbol of hostile) await close(trade({ symbol }))
    for (const symbol of hostile)
      await page
        .locator('td', { hasText: symbol.slice(0, 60) })
        .first()
        .waitFor()
    expect(await page.locator('main script, main img').count()).toBe(0)
    expect(await sideways(page)).toBe(0)
    expect(page.wrong).toEqual([])
    await page.context().close()
  })

  test('a service that is killed is missed in a sentence, and the page goes on by itself when it is back, as does its own server', async () => {
    const page = await openPage(browser, url)
    await page.getByText('Closed last').waitFor()
    const before = { ...stack.pids() }
    const known = closed.size
    await underLoad(async () => {
      for (const name of ['learner', 'projector', 'pm', 'decision', 'postgres', 'kafka', 'page']) {
        process.kill(before[name] as number, 'SIGKILL')
        await vi.waitFor(() => {
          const now = stack.pids()[name]
          if (now === before[name] || now === undefined) throw new Error(`${name} has not been started again`)
        }, PATIENT)
      }
    })
    expect(closed.size).toBeGreaterThan(known + 50)
    await expect.poll(async () => (await loop()).outbox).toBe(0) // the next one is the log's newest
    const last = trade()
    await close(last)
    await page.getByRole('cell', { name: last.symbol }).waitFor()
    const all = new Intl.NumberFormat('en-US').format(closed.size)
    const way = page.getByRole('region', { name: 'The way of a trade' })
    await expect.poll(() => way.innerText()).toMatch(new RegExp(`Coefficients\\s+${all}\\s+trades learned`))
    const audited = page.locator('.six', { hasText: new RegExp(`closed\\s*${all}`) })
    await expect.poll(() => audited.innerText()).toMatch(/lost\s+0$/)
    expect(page.wrong).toEqual([])
    await page.context().close()
  })

  test('every other view of it, while trades close: what is read in it is what the API said then', async () => {
    // biome-ignore lint/suspicious/noExplicitAny: an answer is compared with what is read
    const api = async (path: string): Promise<any> => (await fetch(`${url}v1/${path}`)).json()
    const alice = async (): Promise<number> =>
      (await api('coefficients?scope=lever&name=curator')).coefficients.find((c: { key: string }) => c.key === 'alice')
        .n
    const page = await openPage(browser, `${url}coefficients?name=curator`)
    await underLoad(async () => {
      const row = page.getByRole('row', { name: /alice/ })
      await row.waitFor()
      const before = await alice()
      await page.reload()
      await row.waitFor()
      const shown = (await row.getByRole('cell').allInnerTexts()).map((text) => Number(text.replaceAll(',', '')))
      const after = await alice()
      expect(shown.filter((n) => Number.isInteger(n) && n >= before && n <= after)).toHaveLength(1)

      await page.goto(`${url}sizing`)
      await page.getByText(/= base 5 × \d/).waitFor()
      await page
        .getByText(/curator\s*alice/)
        .first()
        .waitFor()
      await page.goto(`${url}models`)
      await page.getByRole('row', { name: /lowcap-v4.*active/ }).waitFor()
      await page.goto(`${url}dead-letters`)
      await page.getByRole('heading', { name: 'Dead letters' }).waitFor()
    })
    await page.goto(`${url}verdict`)
    const { sentence } = await api('verdict')
    await expect
      .poll(async () => (await page.locator('main').innerText()).replace(/\s+/g, ' '))
      .toContain(sentence.slice(-60))
    expect(page.wrong).toEqual([])
    await page.context().close()
  })

  test('what is wrong comes first, in a sentence with what to do', async () => {
    const page = await openPage(browser, url)
    await page.getByText('Closed last').waitFor()
    const { learner } = stack.pids()
    process.kill(learner as number, 'SIGSTOP')
    try {
      for (let i = 0; i < 3; i++) await close(trade())
      await page
        .getByText(/No learner runs|Nobody holds|The learner is \d+ records? behind/)
        .first()
        .waitFor()
    } finally {
      process.kill(learner as number, 'SIGCONT')
    }
    await page.getByText(/^All is well\./).waitFor()
    await page.context().close()
  })
})
