/** The pictures of docs/page.md and of the README, of a demo: `node docs/make-pictures.ts`. Needs chromium. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launchBrowser, openPage } from '../test/support/browser.ts'
import { startUp } from '../test/support/up.ts'

const PICTURES = fileURLToPath(new URL('pictures/', import.meta.url))
const CONTEXT = { curator: '0xdetweiler', chain: 'solana', mcap_at_entry: 1_500_000, intent: 'research_positive' }
const SIZING = new URLSearchParams({ context: JSON.stringify(CONTEXT), timeframe: '1h', base: '4' })

/** What must be read in a view before its picture is taken. */
const VIEWS: Record<string, { path: string; shows: RegExp; height: number }> = {
  loop: { path: '', shows: /closed\s*1,000/, height: 940 },
  coefficients: { path: 'coefficients?sort=weight&order=desc', shows: /0xdetweiler/, height: 900 },
  sizing: { path: `sizing?${SIZING}`, shows: /= base 4/, height: 900 },
  verdict: { path: 'verdict', shows: /brought|cannot tell/i, height: 760 },
}

const stack = await startUp()
const browser = await launchBrowser()
try {
  const { code, stderr } = await stack.run('demo', '--positions', '1000', '--json')
  if (code !== 0) throw new Error(stderr)
  for (const [name, { path, shows, height }] of Object.entries(VIEWS)) {
    const page = await openPage(browser, `${stack.env.STRANDLINE_PAGE_URL}${path}`, {
      viewport: { width: 1280, height },
      colorScheme: 'light',
    })
    await page.locator('main', { hasText: shows }).waitFor()
    await page.waitForTimeout(3_000) // charts are drawn
    await page.screenshot({ path: join(PICTURES, `${name}.png`) })
    await page.context().close()
    process.stderr.write(`docs/pictures/${name}.png\n`)
  }
} finally {
  await browser.close()
  await stack.stop()
}
