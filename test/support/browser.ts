/** A real browser, for what a person sees: Debian's chromium, driven by playwright-core. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContextOptions, chromium, type Page, type Route } from 'playwright-core'
import { PATIENCE_MS } from './patience.ts'

const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0,
)
/** `./strandline test` says loudly that they are left out. */
export const browserMissing = CHROMIUM === undefined

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: pathOf(CHROMIUM as string), args: ['--no-sandbox'], timeout: PATIENCE_MS })

const pathOf = (program: string) => spawnSync('which', [program], { encoding: 'utf8' }).stdout.trim()

export interface OpenPage extends Page {
  /** What went wrong in it: exceptions, refused scripts, requests to elsewhere. */
  wrong: string[]
}

/** A page of a browser session of its own. Only what failed by itself counts as wrong: a server that was killed is not. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  context.setDefaultTimeout(PATIENCE_MS)
  await context.route('**/v1/**', sendOnce)
  const page = Object.assign(await context.newPage(), { wrong: [] as string[] })
  page.on('pageerror', (error) => page.wrong.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      page.wrong.push(message.text())
  })
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin && !request.url().startsWith('data:'))
      page.wrong.push(`asks ${request.url()}`)
  })
  await goTo(page, url)
  return page
}

/** What is sent goes past the browser's own network, which gives it up where a container starts on the machine: a reader asks again, who changes something must not. */
async function sendOnce(route: Route): Promise<void> {
  if (route.request().method() !== 'POST') return route.fallback()
  const response = await route.fetch({ timeout: PATIENCE_MS }).catch(() => null)
  await (response ? route.fulfill({ response }) : route.abort())
}

/** A container that starts elsewhere on the machine makes a browser give up what is on its way; of the document itself a person has to ask again. */
async function goTo(page: Page, url: string): Promise<void> {
  for (;;)
    try {
      await page.goto(url)
      return
    } catch (error) {
      if (!String(error).includes('ERR_NETWORK_CHANGED')) throw error
    }
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds wrong, one line each. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const found = (await page.evaluate('axe.run(document)')) as {
    violations: { id: string; help: string; nodes: { html: string }[] }[]
  }
  return found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 200)).join(' ')}`)
}

/** By how many pixels the page is wider than its window. */
export const sideways = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
