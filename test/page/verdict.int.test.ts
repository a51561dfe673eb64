/** The verdict: the page’s API says what `verdict --json` says, once for as long as nothing has changed; the view says what the API says. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seeded } from '../../core/random.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { intervalText } from '../../web/views/verdict/amount.ts'
import { browserMissing, launchBrowser, openPage, sideways, violations } from '../support/browser.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { type Json, type PageHost, startPageHost } from '../support/page-host.ts'
import { PATIENCE_MS } from '../support/patience.ts'

const HOUR = 3_600_000
const START = Date.UTC(2026, 0, 1)
const SINCE = '2026-01-20T00:00Z'

let host: PageHost
let browser: Browser
beforeAll(async () => {
  host = await startPageHost(market(160))
  if (!browserMissing) browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  await host?.stop()
})

function market(trades: number, prefix = 'v'): PositionClosed[] {
  const random = seeded(5)
  return Array.from({ length: trades }, (_, i) => {
    const curator = Math.floor(random() * 4)
    const rr = random() * 4 - 1 + (curator === 0 ? 3 : 0)
    const opened_at = START + i * 6 * HOUR
    const closed_at = opened_at + Math.ceil(random() * 30) * HOUR
    const levers = { curator: `c${curator}` }
    return closedTrade({
      position_id: `${prefix}${i}`,
      opened_at,
      closed_at,
      rr,
      return: rr / 40,
      levers,
      measures: {},
    })
  })
}

const verdict = async (query = ''): Promise<Json> => {
  const [status, body] = await host.ask(`/v1/verdict${query}`)
  expect([status, body.error]).toEqual([200, undefined])
  return body
}

test('the API answers what verdict --json prints, and when it was computed', async () => {
  const { at, seconds, ...answer } = await verdict()
  expect(answer).toEqual(await host.command('verdict'))
  expect(answer).toMatchObject({
    trades: 160,
    models: [{ name: 'lowcap-v4', calibration: { length: 5 }, curve: { length: 160 } }],
  })
  expect([Date.parse(at) <= Date.now(), seconds > 0]).toEqual([true, true])
  // several models, from a moment on
  const query = `?models=lowcap-v4,lowcap-return&since=${SINCE}`
  const { at: _, seconds: __, ...since } = await verdict(query)
  expect(since).toEqual(await host.command('verdict', '--models', 'lowcap-v4,lowcap-return', '--since', SINCE))
  expect(since.trades).toBeLessThan(160)
})

test('it is computed once: until somebody asks anew, another model was tried, or the log has grown', async () => {
  const [first, same] = await Promise.all([verdict(), verdict()])
  expect(same).toEqual(first)
  expect((await verdict()).at).toBe(first.at)
  const fresh = await verdict('?fresh=1')
  expect(fresh.at > first.at).toBe(true)
  expect((await verdict()).at).toBe(fresh.at)
  await host.command('verdict', '--models', 'lowcap-v5')
  const adjusted = await verdict()
  expect(adjusted.at > fresh.at).toBe(true)
  expect(adjusted.models[0].p_adjusted).toBeGreaterThan(fresh.models[0].p_adjusted)
  await host.publish(market(2, 'more'))
  expect(await verdict()).toMatchObject({ trades: 162 })
})

test('what cannot be asked is said in a sentence, and no file of this machine is read', async () => {
  for (const query of [
    '?models=nobody',
    '?models=,',
    '?models=/etc/passwd',
    '?models=models/lowcap-v4.json',
    '?since=soon',
    '?fresh=yes',
  ]) {
    const [status, { error }] = await host.ask(`/v1/verdict${query}`)
    expect([query, status, error.code]).toEqual([query, 400, 'USAGE'])
    expect(error.message).not.toMatch(/root:/)
  }
})

describe.skipIf(browserMissing)('in a browser', () => {
  const open = async (query: string, options = {}): Promise<Page & { wrong: string[] }> => {
    const page = await openPage(browser, `${host.url}/verdict${query}`, options)
    await page.locator('.sentence').waitFor()
    return page
  }

  test('the figures are those of the API, and the curves and the calibration say them in words', async () => {
    const page = await open('?models=lowcap-v4,lowcap-v5')
    const { sentence, models, caveats } = await verdict('?models=lowcap-v4,lowcap-v5')
    expect(await page.locator('.sentence').innerText()).toBe(sentence)
    const figures = page.locator('section:has(h2:text("The figures")) tbody tr')
    const row = async (title: string) =>
      await figures
        .filter({ has: page.locator(`th:has-text("${title}")`) })
        .first()
        .locator('td')
        .allInnerTexts()
    expect(await row('Net return beyond')).toEqual(models.map((m: Json) => intervalText(m.net, 'net_return')))
    expect(await row('Outcome beyond')).toEqual(models.map((m: Json) => intervalText(m.outcome, m.learns)))
    expect(await row('Verdict')).toEqual(models.map((m: Json) => m.verdict))
    for (const [i, model] of (models as Json[]).entries()) {
      const card = page.locator('section.card').nth(i)
      const { equal, sized } = model.curve.at(-1).outcome
      expect(await card.innerText()).toContain(
        `at equal sizes it comes to ${intervalText({ mean: equal, low: 0, high: 0 }, 'rr').split(' ')[0]}, by the sizes of ${model.name} to ${intervalText({ mean: sized, low: 0, high: 0 }, 'rr').split(' ')[0]}`,
      )
      await card.locator('.chart canvas').first().waitFor()
      const cells = await card.locator('.calibration tbody tr').first().locator('td').allInnerTexts()
      const { outcome: mean, low, high, n } = model.calibration[0]
      expect(cells.slice(1)).toEqual([intervalText({ mean, low, high }, model.learns), String(n)])
      expect(await card.locator('.picture circle').count()).toBe(
        model.calibration.filter((b: Json) => b.expected !== null).length,
      )
    }
    for (const caveat of caveats) expect(await page.locator('main').innerText()).toContain(caveat)
    expect(await violations(page)).toEqual([])
    expect(page.wrong).toEqual([])
    await page.context().close()
  })

  test('models and beginning are in the address; it says that it computes, and a refusal is a sentence', async () => {
    const page = await open('')
    await page.getByLabel(/Models/).fill('lowcap-return')
    await page.getByLabel(/Entered/).fill('2026-01-20')
    await page.getByRole('button', { name: 'Judge' }).click()
    await page.getByText('Walking through the log').waitFor()
    await page.locator('h2:has-text("lowcap-return")').waitFor()
    expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({
      models: 'lowcap-return',
      since: '2026-01-20',
    })
    const { sentence } = await verdict('?models=lowcap-return&since=2026-01-20')
    expect(await page.locator('.sentence').innerText()).toBe(sentence)
    await page.getByLabel(/Models/).fill('<script>window.hacked=1</script>')
    await page.getByRole('button', { name: 'Judge' }).click()
    await page.getByRole('alert').filter({ hasText: '<script>' }).waitFor()
    await page.goBack()
    await page.locator('h2:has-text("lowcap-return")').waitFor()
    expect(await page.evaluate('window.hacked')).toBeUndefined()
    await page.context().close()
  })

  test('regression: what a browser gave up on its way, as the network changed, is loaded again', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    const lost: string[] = []
    for (const part of ['/web/app.ts', '/web/views/verdict.ts', '/web/views/verdict/waiting.ts'])
      await page.route(`**${part}`, (route) => {
        if (lost.includes(part)) return route.continue()
        lost.push(part)
        return route.abort('internetdisconnected')
      })
    await page.goto(`${host.url}/verdict`)
    await page.locator('.sentence').waitFor({ timeout: PATIENCE_MS })
    expect(lost).toHaveLength(3)
    await context.close()
  })

  test('fits a phone', async () => {
    const page = await open('', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' })
    expect(await sideways(page)).toBe(0)
    expect(await violations(page)).toEqual([])
    await page.context().close()
  })
})
