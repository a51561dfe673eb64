import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../', import.meta.url))
const tests = ['domain', 'core', 'services', 'test', 'cli', 'embedded']
  .flatMap((dir) => readdirSync(root + dir, { recursive: true }).map((file) => `${dir}/${file}`))
  .filter((file) => file.endsWith('.test.ts'))
const code = tests.map((file) => readFileSync(root + file, 'utf8')).join('\n')

describe.each(['docs/exactly-once.md', 'docs/runner.md'])('%s', (page) => {
  const text = readFileSync(root + page, 'utf8')
  const files = [...text.matchAll(/`([\w./-]+\.test\.ts)`/g)].map((m) => m[1] as string)
  it.each([...new Set(files)])('names %s, which exists', (file) => {
    expect(tests.filter((t) => t === file || t.endsWith(`/${file}`))).not.toEqual([])
  })

  // In the last column of its tables, *…* is the name of a test, or the parts of one around an ellipsis.
  const names = text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .flatMap((line) => [...(line.split('|').at(-2) as string).matchAll(/\*([^*]+)\*/g)].map((m) => m[1] as string))
  it.each([...new Set(names)])('names the test "%s", which exists', (name) => {
    const parts = name.split('…').filter((part) => part.trim() !== '')
    const pattern = parts.map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')
    expect(code).toMatch(new RegExp(pattern))
  })
})

describe('regression: what a service reads of its environment reaches it in a container', () => {
  const read = (file: string) => readFileSync(root + file, 'utf8')
  const settings = new Set(
    [
      ...read('core/config.ts').matchAll(/\benv\.([A-Z_]+)\b|\benv,\s*'([A-Z_]+)'/g),
      // A name for all services alike would tell nobody which one a span is of.
      ...read('core/telemetry.ts').matchAll(/\b(OTEL_(?!SERVICE_NAME)[A-Z_]+)\b/g),
    ].map((m) => (m[1] ?? m[2]) as string),
  )
  const passed = read('docker-compose.yml') + read('docker-compose.external.yml')
  it.each([...settings])('%s is passed on by compose, and in .env.example', (name) => {
    expect(settings.size).toBeGreaterThan(20)
    expect(passed).toMatch(new RegExp(`^ {4}${name}:`, 'm'))
    expect(read('.env.example')).toMatch(new RegExp(`^#?${name}=`, 'm'))
  })
})
