/** What operators look at, on the real services: one trace per trade, metrics that rules and dashboard name, readiness that is true. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { startTelemetry } from '../../core/telemetry.ts'
import { verifyMetrics } from '../../replay/watch-sums.ts'
import { type Hosted, type Name, startHosted } from './hosted.ts'
import { selectorsOf, TARGET_LABELS } from './promql.ts'

const spans = new InMemorySpanExporter()
let telemetry: Awaited<ReturnType<typeof startTelemetry>>
let hosted: Hosted
beforeAll(async () => {
  telemetry = await startTelemetry('test', {}, new SimpleSpanProcessor(spans))
  hosted = await startHosted()
})
afterAll(async () => {
  await hosted?.stop()
  await telemetry?.stop()
})

const ALL: Name[] = ['pm', 'learner', 'projector', 'decision']
const states = async (names = ALL) => Promise.all(names.map(async (n) => (await hosted.ready(n)).status))
const post = async (path: string, body: object, name: Name = 'pm') => {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${hosted.url(name)}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(await answer.text())
}

/** The samples of a scrape: by metric, the label names of each of its series. */
function series(text: string): Map<string, Set<string>[]> {
  const found = new Map<string, Set<string>[]>()
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? /.exec(line)
    if (!match) continue
    const labels = new Set([...(match[2] ?? '').matchAll(/(\w+)="/g)].map((m) => m[1] as string))
    found.set(match[1]!, [...(found.get(match[1]!) ?? []), labels])
  }
  return found
}

const value = (text: string, metric: string): number[] =>
  [...text.matchAll(new RegExp(`^${metric}(?:\\{.*\\})? (.*)$`, 'gm'))].map((m) => Number(m[1]))
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0)

test('every service is ready once it can do its job', async () => {
  await expect.poll(() => states()).toEqual([200, 200, 200, 200])
})

test('one trace leads from the close of a position over its publication to coefficient and strand', async () => {
  const at = (hours: number) => new Date(Date.UTC(2026, 2, 2, 10 + hours)).toISOString()
  await post('/v1/positions', {
    id: 'pepe',
    token_chain: 'base',
    token_contract: '0xpepe',
    token_ticker: 'PEPE',
    timeframe: '1h',
    entry_context: { curator: 'alice' },
  })
  const execution = { quantity: 10, price: 2, executed_at: at(0) }
  await post('/v1/positions/pepe/executions', { id: 'in', kind: 'entry', ...execution })
  await post('/v1/positions/pepe/executions', { id: 'out', kind: 'emergency_exit', price: 3, executed_at: at(2) })
  const named = (name: string) => spans.getFinishedSpans().filter((s) => s.name === name)
  await expect.poll(() => [named('learner.apply').length, named('projector.apply').length]).toEqual([1, 1])
  const close = named('pm.close')[0]!
  for (const name of ['pm.publish', 'learner.apply', 'projector.apply']) {
    const span = named(name)[0]!
    expect([name, span.spanContext().traceId]).toEqual([name, close.spanContext().traceId])
    expect(span.parentSpanContext?.spanId).toBe(close.spanContext().spanId)
  }
  const [published, applied] = [named('pm.publish')[0]!, named('learner.apply')[0]!]
  expect(applied.attributes['messaging.kafka.offset']).toBe(published.attributes['messaging.kafka.offset'])
})

test('the way from the close to coefficient and strand is measured from the close, not from the exit', async () => {
  for (const name of ['learner', 'projector'] as const) {
    const text = await hosted.metrics(name)
    expect(value(text, 'strandline_consumer_close_latency_seconds_count')).toEqual([1])
    const [latency] = value(text, 'strandline_consumer_close_latency_seconds_sum')
    expect(latency).toBeGreaterThan(0)
    expect(latency).toBeLessThan(3_600) // the exit lies months back
  }
})

test('every metric and label that a rule or the dashboard names is in a scrape', async () => {
  await post('/v1/allocations', { entry_context: {}, timeframe: '1h', base: 1, min: 0, max: 2 }, 'decision')
  const verify = new Registry() // of `strandline verify --continuous`
  verifyMetrics(verify).compared.inc({ result: 'identical' })
  const scrapes = [...ALL.map((name) => hosted.metrics(name)), verify.metrics()]
  const scraped = series((await Promise.all(scrapes)).join('\n'))
  const rules = parse(readFileSync('monitoring/prometheus/rules/strandline.yml', 'utf8'))
  const alerts: { expr: string }[] = rules.groups.flatMap((g: { rules: object[] }) => g.rules)
  const dashboard = JSON.parse(readFileSync('monitoring/grafana/dashboards/strandline.json', 'utf8'))
  const panels: { expr: string }[] = dashboard.panels.flatMap((p: { targets?: object[] }) => p.targets ?? [])
  const selectors = [...alerts, ...panels].flatMap(({ expr }) => selectorsOf(expr))
  expect(selectors.length).toBeGreaterThan(40)
  const missing = selectors.filter(({ metric, labels }) => {
    const wanted = labels.filter((l) => !TARGET_LABELS.includes(l))
    return !scraped.get(metric)?.some((has) => wanted.every((l) => has.has(l)))
  })
  expect(missing).toEqual([])
})

const promtool = spawnSync('promtool', ['--version']).error === undefined
test.skipIf(!promtool)(
  'promtool finds nothing wrong with our metrics, the rules, their tests and the settings',
  async () => {
    const run = (args: string[], input?: string) => {
      const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' })
      return { status, output: `${stdout}${stderr}` }
    }
    for (const name of ALL) {
      const ours = (await hosted.metrics(name)).split('\n').filter((l) => /^(# \w+ )?strandline_/.test(l))
      expect(run(['check', 'metrics'], `${ours.join('\n')}\n`)).toEqual({ status: 0, output: '' })
    }
    // syntax only: the file with the token is made where Prometheus runs
    for (const file of ['prometheus', 'up'])
      expect(run(['check', 'config', '--syntax-only', `monitoring/prometheus/${file}.yml`])).toMatchObject({
        status: 0,
      })
    expect(run(['check', 'rules', 'monitoring/prometheus/rules/strandline.yml'])).toMatchObject({ status: 0 })
    expect(run(['test', 'rules', 'monitoring/prometheus/tests/strandline.test.yml'])).toMatchObject({ status: 0 })
  },
)

test('without a database nobody is ready, each says so in one sentence, and the lag goes on growing; then all is well again', async () => {
  await hosted.database.off()
  await expect.poll(() => states()).toEqual([503, 503, 503, 503])
  for (const name of ALL) {
    expect((await hosted.ready(name)).reason).toMatch(/database|needs has not answered/)
    expect((await fetch(`${hosted.url(name)}/healthz`)).status).toBe(200)
  }
  const garbage = { key: 'k', value: Buffer.from('garbage'), partition: 0, timestamp: Date.now() - 90_000 }
  await hosted.log.produce(hosted.topic, [garbage, garbage])
  const lag = async () => sum(value(await hosted.metrics('learner'), 'strandline_consumer_lag_records'))
  await expect.poll(lag).toBe(2)
  const age = async () => Math.max(...value(await hosted.metrics('learner'), 'strandline_consumer_lag_seconds'))
  await expect.poll(age).toBeGreaterThan(90)

  await hosted.database.on()
  await expect.poll(() => states()).toEqual([200, 200, 200, 200])
  await expect.poll(lag).toBe(0)
  expect(await age()).toBe(0)
  const text = await hosted.metrics('learner')
  expect(sum(value(text, 'strandline_learner_dead_letters_total'))).toBe(2)
  expect(value(text, 'strandline_ready')).toEqual([1])
})

test('without Kafka whoever needs it is not ready and says so, the decision maker is; then all is well again', async () => {
  await hosted.kafka.off()
  await expect.poll(() => states()).toEqual([503, 503, 503, 200])
  for (const name of ['pm', 'learner', 'projector'] as const) {
    expect((await hosted.ready(name)).reason).toMatch(/Kafka/)
    expect((await fetch(`${hosted.url(name)}/healthz`)).status).toBe(200)
  }
  await hosted.kafka.on()
  await expect.poll(() => states()).toEqual([200, 200, 200, 200])
})
