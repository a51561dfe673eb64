import { expect, test } from 'vitest'
import { loadAssets, VIEWS } from './assets.ts'
import { scriptsIn } from './serve-assets.ts'

const assets = loadAssets()
const scripts = [...assets].filter(([, { type }]) => type.startsWith('text/javascript'))

test('each import of a script is a file that is served: nothing of the server, and nothing from elsewhere', () => {
  expect(scripts.length).toBeGreaterThan(10)
  let imports = 0
  for (const [path, { body }] of scripts)
    for (const [, from] of body.toString().matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"'\s]+)["']/g)) {
      imports++
      expect(from, `in ${path}`).toMatch(/^[./]/)
      expect([...assets.keys()], `${from} of ${path}`).toContain(new URL(from as string, `http://page${path}`).pathname)
    }
  expect(imports).toBeGreaterThan(20)
})

test('types are gone', () => {
  for (const [path, { body }] of scripts) expect(body.toString(), path).not.toMatch(/\binterface \w+ \{|import type/)
})

test('every view is the same document, without a style of its own, and with one script: that which loads the rest', () => {
  const html = assets.get('/')?.body.toString() ?? ''
  for (const view of VIEWS) expect(assets.get(view)?.body.toString()).toBe(html)
  expect(html).not.toMatch(/<style|style=|\son\w+=/)
  expect(html.match(/<script[^>]*>/g)).toEqual(['<script type="module">'])
  expect(scriptsIn(html)).toEqual([expect.stringContaining("import('/web/main.ts')")])
  expect(html).not.toMatch(/https?:/)
})

test('what the first view needs is small, as it is sent', () => {
  const first = [...assets].filter(
    ([path]) => !path.includes('uplot') && !(path.startsWith('/web/views/') && !path.includes('/loop')),
  )
  const once = new Map(first.map(([, asset]) => [asset.etag, asset.gzip.length]))
  expect([...once.values()].reduce((a, b) => a + b, 0)).toBeLessThan(60_000)
})
