/**
 * Dead letters and model versions on the page, in a real browser: what it shows is what the commands print, hostile text is only text, and what is redriven,
 * rebuilt, promoted and dropped by clicking is so for everybody. A page that only reads changes nothing.
 */
import { request } from 'node:http'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { OpenApiDocument } from '../../core/api/document.ts'
import { createAjv } from '../../core/api/validator.ts'
import { frame, positionClosedSchema, positionClosedType } from '../../core/codec/position-closed-codec.ts'
import type { ListedVersion } from '../../services/learner/list-versions.ts'
import { browserMissing, launchBrowser, type OpenPage, openPage, sideways, violations } from '../support/browser.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { openPageStage, type PageStage, TOKEN } from '../support/page-stage.ts'
import { PATIENCE_MS } from '../support/patience.ts'

/** Each would be seen if it were anything but text: the script sets a variable, the mark turns what follows around, the length widens the page. */
const HOSTILE = `<script>hacked=1</script><img src=x onerror="hacked=1">\u202Ereverse\u0000${'w'.repeat(4_000)}`

let stage: PageStage
let browser: Browser
/** The id that the schema of a producer ahead of the registry will have. */
let ahead: { id: number; register(): Promise<void> }
let places: { unknown: string; text: string; hostile: string }

beforeAll(async () => {
  stage = await openPageStage()
  if (!browserMissing) browser = await launchBrowser()
  ahead = await aheadOfRegistry()
  const poison = closedTrade({
    position_id: 'unknown',
    symbol: HOSTILE,
    levers: { curator: HOSTILE.slice(0, 63) }, // up to the NUL, for which it would be refused
    source: HOSTILE.slice(0, 60),
  })
  await stage.startLearner()
  const put = async (record: { key: string; value: Buffer | null; headers?: Record<string, string> }) =>
    `0:${(await stage.kafka.log.produce(stage.topic, [record]))[0]?.offset}`
  await put({ key: 'good', value: await stage.deps.codec.encode(closedTrade({ position_id: 'good' })) })
  places = {
    unknown: await put({
      key: HOSTILE,
      value: frame(ahead.id, Buffer.concat([positionClosedType.toBuffer(poison), Buffer.from([2, 0x78])])),
      headers: { '<b>header</b>': HOSTILE },
    }),
    text: await put({ key: 'json', value: Buffer.from(`{"position_id": ${JSON.stringify(HOSTILE)}}`) }),
    hostile: await put({ key: 'torn', value: frame(ahead.id - 1, Buffer.from([0x48, 0x3c, 0x73, 0x63])) }),
  }
  await stage.caughtUp()
})
afterAll(async () => {
  await browser?.close()
  await stage?.close()
})

async function aheadOfRegistry() {
  const { registryUrl } = stage.kafka
  const post = async (schema: object) => {
    const response = await fetch(`${registryUrl}/subjects/${stage.topic}-ahead/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({ schema: JSON.stringify(schema) }),
    })
    return ((await response.json()) as { id: number }).id
  }
  await stage.deps.codec.encode(closedTrade()) // registers our own
  const ours = JSON.parse(positionClosedSchema)
  const schema = (name: string) => ({ ...ours, fields: [...ours.fields, { name, type: 'string', default: '' }] })
  const id = (await post(schema('venue_a'))) + 1
  return { id, register: async () => expect(await post(schema('venue_b'))).toBe(id) }
}

const headers = { authorization: `Bearer ${TOKEN}` }

/** What a page answers, checked against what its document says of that. */
async function answer<T = Record<string, unknown>>(path: string, body?: unknown, url = stage.operating): Promise<T> {
  const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  const type = { 'content-type': 'application/json' }
  const response = await fetch(`${url}${path}`, { ...sent, headers: { ...headers, ...(body ? type : {}) } })
  const text = await response.text()
  expect([path, response.status, response.ok ? '' : text]).toEqual([path, 200, ''])
  await expectDocumented(path, body === undefined ? 'get' : 'post', JSON.parse(text))
  return JSON.parse(text)
}

let document: OpenApiDocument | undefined
async function expectDocumented(path: string, method: string, value: unknown): Promise<void> {
  document ??= (await (await fetch(`${stage.operating}/openapi.json`)).json()) as OpenApiDocument
  const pathname = path.split('?')[0] as string
  const known = Object.keys(document.paths)
  const template =
    known.find((p) => p === pathname) ??
    known.find((p) => new RegExp(`^${p.replace(/\{\w+\}/g, '[^/]+')}$`).test(pathname))
  const schema = document.paths[template as string]?.[method]?.responses[200]?.content['application/json']?.schema
  const validate = createAjv().compile(schema as object)
  validate(value)
  expect([path, validate.errors]).toEqual([path, null])
}

const refusal = async (url: string, path: string, init: RequestInit) => {
  const response = await fetch(`${url}${path}`, init)
  return { status: response.status, ...((await response.json()) as { error: { code: string; message: string } }).error }
}

/** A page that was given the token. */
async function operator(path: string): Promise<OpenPage> {
  const page = await openPage(browser, `${stage.operating}${path}`)
  await page.getByLabel('Token').fill(TOKEN)
  await page.getByRole('button', { name: 'Go on' }).click()
  return page
}

async function expectWell(page: OpenPage): Promise<void> {
  expect(page.wrong).toEqual([])
  expect(await page.evaluate('typeof hacked')).toBe('undefined')
  expect(await sideways(page)).toBe(0)
  const found = await violations(page)
  expect(found, found.join('\n')).toEqual([])
}

const confirm = (page: Page, verb: string) =>
  page.getByRole('dialog').getByRole('button', { name: verb, exact: true }).click()
const said = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor({ timeout: PATIENCE_MS })

describe('what the API answers', () => {
  test('of dead letters is what the commands print', async () => {
    const list = await stage.json<{ dead_letters: { reason: string }[] }>('dead-letters', 'list')
    expect(list.dead_letters).toHaveLength(3)
    expect(await answer('/v1/dead-letters')).toEqual({ ...list, total: 3 })
    const some = ['--reason', 'bad_magic', 'truncated', '--partition', '0', '--since', '2020-01-01T00:00Z']
    expect(
      await answer('/v1/dead-letters?reason=bad_magic,truncated&partition=0&since=2020-01-01T00:00Z&all=true'),
    ).toEqual({ ...(await stage.json<object>('dead-letters', 'list', '--all', ...some)), total: 2 })
    const [first, second, third] = list.dead_letters
    expect(await answer('/v1/dead-letters?limit=1')).toMatchObject({ dead_letters: [first], total: 3 })
    expect(await answer(`/v1/dead-letters?after=${places.unknown}`)).toMatchObject({ dead_letters: [second, third] })
    for (const place of Object.values(places))
      expect(await answer(`/v1/dead-letters/${place.replace(':', '/')}`)).toEqual(
        await stage.json('dead-letters', 'show', place),
      )
    expect(await answer('/v1/dead-letters/redrive', { all: true, dry_run: true })).toEqual(
      await stage.json('dead-letters', 'redrive', '--all', '--dry-run'),
    )
    expect(
      await answer('/v1/dead-letters/discard', { refused_for: ['bad_magic'], reason: 'a test', dry_run: true }),
    ).toEqual(
      await stage.json('dead-letters', 'discard', '--refused-for', 'bad_magic', '--reason', 'a test', '--dry-run'),
    )
  })

  test('is a sentence where it is asked wrongly', async () => {
    const asked = async (path: string, body?: unknown) =>
      refusal(stage.operating, path, {
        method: body ? 'POST' : 'GET',
        headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
    expect(await asked('/v1/dead-letters?reason=nonsense')).toMatchObject({ status: 400, code: 'USAGE' })
    expect(await asked('/v1/dead-letters/0/999')).toMatchObject({ status: 404, code: 'LETTER_UNKNOWN' })
    expect(await asked('/v1/dead-letters/redrive', {})).toMatchObject({ status: 400, message: 'Which dead letters?' })
    expect(await asked('/v1/dead-letters/redrive', { all: true, force: true })).toMatchObject({ status: 400 })
    expect(await asked('/v1/dead-letters/discard', { places: ['0:1'], reason: ' ' })).toMatchObject({ status: 400 })
    expect(await asked('/v1/models/rebuild', { model: '../models/lowcap-v5.json' })).toMatchObject({
      status: 400,
      message: 'A model is named here, and no file.',
    })
    expect(await asked('/v1/models/rebuild/stop', {})).toMatchObject({ status: 400 })
    expect(await asked('/v1/models/rollback', {})).toMatchObject({ status: 400, code: 'USAGE' })
    expect(await asked('/v1/models/drop', { name: 'lowcap-v4' })).toMatchObject({ status: 400, code: 'USAGE' })
  })
})

describe('who may', () => {
  const CHANGES: [path: string, body: object][] = [
    ['/v1/dead-letters/redrive', { all: true }],
    ['/v1/dead-letters/discard', { places: ['0:1'], reason: 'a test' }],
    ['/v1/dead-letters/reopen', { places: ['0:1'] }],
    ['/v1/models/promote', {}],
    ['/v1/models/rollback', {}],
    ['/v1/models/drop', { name: 'lowcap-v4' }],
    ['/v1/models/rebuild', {}],
    ['/v1/models/rebuild/stop', {}],
  ]
  const post = (body: object, more: Record<string, string> = {}) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json', ...more },
    body: JSON.stringify(body),
  })

  test('a page that only reads refuses every change and previews all the same', async () => {
    for (const [path, body] of CHANGES)
      expect([path, await refusal(stage.reading, path, post(body))]).toMatchObject([
        path,
        { status: 403, code: 'READ_ONLY', message: 'This page only reads.' },
      ])
    const would = await answer('/v1/dead-letters/redrive', { all: true, dry_run: true }, stage.reading)
    expect(would.would_redrive).toHaveLength(3)
    const operations = Object.entries((document as OpenApiDocument).paths).filter(([, of]) => 'post' in of)
    const looked = operations.map(([path]) => path).filter((path) => /^\/v1\/(dead-letters|models)/.test(path))
    expect(looked.sort()).toEqual(CHANGES.map(([path]) => path).sort())
  })

  test('without the token nothing is answered, nor to a page of elsewhere', async () => {
    for (const [path, body] of CHANGES) {
      expect(await refusal(stage.operating, path, post(body))).toMatchObject({ status: 401 })
      const elsewhere = { ...headers, origin: 'https://evil.example' }
      expect(await refusal(stage.operating, path, post(body, elsewhere))).toMatchObject({ status: 403 })
    }
    for (const path of ['/v1/dead-letters', '/v1/models', '/v1/loop', '/v1/live', '/metrics'])
      expect((await fetch(`${stage.operating}${path}`)).status).toBe(401)
    const { port } = new URL(stage.operating)
    const status = await new Promise((resolve, reject) => {
      request({ port, path: '/v1/models', headers: { ...headers, host: 'evil.example' } }, (r) =>
        resolve(r.resume().statusCode),
      )
        .on('error', reject)
        .end()
    })
    expect(status).toBe(421)
  })
})

/** Trades that count. */
const baseline = async () => (await stage.json<{ global_rr: { n: number } }>('coefficients')).global_rr.n
/** Which model readers see. */
const seen = async () => (await stage.json<{ model: { name: string } }>('coefficients')).model.name

describe.skipIf(browserMissing)('in a browser', () => {
  test('a page that only reads has no buttons, and says how one gets them', async () => {
    const page = await openPage(browser, `${stage.reading}/dead-letters`)
    await page.getByRole('link', { name: places.text }).waitFor()
    await said(page, 'This page only reads.')
    expect(await page.getByRole('button').count()).toBe(0)
    await expectWell(page)
    await page.goto(`${stage.reading}/models`)
    await page.getByRole('cell', { name: 'lowcap-v4' }).waitFor()
    await said(page, 'This page only reads.')
    expect(await page.getByRole('button').count()).toBe(0)
    await expectWell(page)
    await page.context().close()
  })

  test('the token is asked for until it is the right one, and is nowhere to be seen', async () => {
    const page = await openPage(browser, `${stage.operating}/dead-letters`)
    const asked: string[] = []
    page.on('request', (r) => asked.push(r.url()))
    await page.getByRole('heading', { name: 'This page needs a token' }).waitFor()
    await page.getByLabel('Token').fill('not-the-token-at-all')
    await page.getByRole('button', { name: 'Go on' }).click()
    await page.getByRole('alert').getByText('That is not the token.').waitFor()
    await expectWell(page)
    await page.getByLabel('Token').fill(TOKEN)
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: places.text }).waitFor()
    await page.reload()
    await page.getByRole('link', { name: places.text }).waitFor()
    expect(asked.filter((url) => url.includes(TOKEN))).toEqual([])
    expect(`${await page.content()} ${page.url()}`).not.toContain(TOKEN)
    expect(await page.evaluate('JSON.stringify([localStorage, document.cookie])')).toBe('[{},""]')
    expect(stage.said()).not.toContain(TOKEN)

    // another one is asked for when this one is not taken any more
    await page.evaluate("sessionStorage.setItem('strandline-token', 'of-yesterday-and-gone')")
    await page.getByRole('alert').getByText('is not taken any more').waitFor()
    await page.context().close()
  })

  test('a letter is shown in full, and what a producer wrote into it is only text', async () => {
    const page = await operator('/dead-letters')
    await page.getByRole('link', { name: /^unknown_schema 1$/ }).click()
    await page.getByRole('link', { name: places.text }).waitFor({ state: 'detached' })
    expect(new URL(page.url()).searchParams.get('reason')).toBe('unknown_schema')
    await page.getByRole('link', { name: places.unknown }).click()
    await page.getByRole('cell', { name: 'symbol', exact: true }).waitFor()
    const text = await page.locator('main').innerText()
    expect(text).toContain(`the registry does not know schema ${ahead.id}`)
    expect(text).toContain('<script>hacked=1</script>')
    expect(text).toContain('\\u202ereverse\\u0000')
    expect(text).toContain('w'.repeat(4_000))
    expect(text).toContain('<b>header</b>')
    expect(text).not.toContain('\u202E')
    expect(text).toContain('read with this build’s own schema: a guess')
    expect(text).toContain('The event ends at byte')
    await expectWell(page)
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await sideways(page)).toBe(0)
    await page.goBack()
    expect(new URL(page.url()).searchParams.get('reason')).toBe('unknown_schema')
    await page.goto(`${stage.operating}/dead-letters?letter=${places.hostile}`)
    await said(page, 'Reading stops at byte')
    await page.context().close()
  })

  test('a record whose cause is put right is redriven by clicking and counts once; another one is refused again', async () => {
    const page = await operator('/dead-letters')
    expect(await baseline()).toBe(1)
    const end = async () => (await stage.kafka.log.offsets(stage.topic))[0]?.end
    const before = await end()
    await page.getByLabel(`Select ${places.text}`).check()
    await page.getByRole('button', { name: 'Redrive …' }).click()
    await said(page, '1 record would be published again')
    expect(await end()).toBe(before)
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'Redrive …' }).click()
    await confirm(page, 'Redrive')
    await said(page, '1 record redriven.')
    await said(page, 'it is refused again')
    await page.getByRole('row', { name: /refused again.*redriven once before/ }).waitFor()
    expect(await end()).toBe((before as number) + 1)
    await expectWell(page)

    await stage.stopLearner() // it takes a while to ask for a schema again
    await ahead.register()
    await stage.startLearner()
    await page.getByRole('button', { name: 'Select all 3' }).click()
    await page.getByRole('button', { name: 'Redrive …' }).click()
    await said(page, 'its record was redriven and refused again')
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'Select none' }).click()
    await page.getByLabel(`Select ${places.unknown}`).check()
    await page.getByRole('button', { name: 'Redrive …' }).click()
    await said(page, '1 record would be published again')
    await confirm(page, 'Redrive')
    await said(page, 'the learner has taken it.')
    expect(await baseline()).toBe(2)
    await page.getByRole('link', { name: places.unknown }).waitFor({ state: 'detached' })
    const list = await stage.json<{ dead_letters: { partition: number; offset: number; state: string }[] }>(
      'dead-letters',
      'list',
      '--all',
    )
    const letter = list.dead_letters.find((l) => `${l.partition}:${l.offset}` === places.unknown)
    expect(letter).toMatchObject({ state: 'redriven' })
    await page.context().close()
  })

  test('a letter is discarded with a reason, and opened again', async () => {
    const page = await operator(`/dead-letters?letter=${places.hostile}`)
    await page.getByRole('button', { name: 'Discard …' }).click()
    await said(page, '1 letter would be discarded')
    const button = page.getByRole('dialog').getByRole('button', { name: 'Discard', exact: true })
    expect(await button.isDisabled()).toBe(true)
    await page.getByLabel('Why, for whoever looks at it later').fill('a <b>test</b> of the exporter')
    await button.click()
    await said(page, '1 letter discarded.')
    await said(page, 'a <b>test</b> of the exporter')
    const { discarded } = await stage.json<{ discarded: { by: string; reason: string } }>(
      'dead-letters',
      'show',
      places.hostile,
    )
    expect(discarded).toMatchObject({ by: expect.stringMatching(/^page@/), reason: 'a <b>test</b> of the exporter' })
    await page.getByRole('button', { name: 'Open again …' }).click()
    await confirm(page, 'Open again')
    await said(page, '1 letter open again.')
    expect((await stage.json<{ discarded: unknown }>('dead-letters', 'show', places.hostile)).discarded).toBe(null)
    await page.context().close()
  })

  test('a model is rebuilt, looked at, promoted, rolled back and dropped by clicking, and readers follow', async () => {
    const page = await operator('/models')
    await page.getByRole('combobox').selectOption('lowcap-return')
    await page.getByRole('button', { name: 'Rebuild …' }).click()
    await confirm(page, 'Rebuild')
    await said(page, /lowcap-return \(\w+\) has applied the whole log/)
    await stage.caughtUp()
    expect(await seen()).toBe('lowcap-v4')
    const { models } = await stage.json<{ models: ListedVersion[] }>('models')
    // sizes are counted once for whoever asks within some time
    await expect.poll(async () => (await answer<{ models: ListedVersion[] }>('/v1/models')).models).toEqual(models)
    const built = models.find((m) => m.name === 'lowcap-return') as ListedVersion
    const n = await baseline()
    expect(built).toMatchObject({ state: 'kept', events: n, lag: 0 })
    expect(await answer('/v1/models/rebuild')).toMatchObject({ running: null, last: { result: { complete: true } } })

    await page.getByRole('cell').getByRole('link', { name: 'What would change' }).click()
    await said(page, 'would take its place.')
    const plan = await stage.json<{ both: number; move: number }>('promote', 'lowcap-return', '--dry-run')
    expect(await answer('/v1/models/preview?name=lowcap-return')).toEqual(plan)
    await said(page, `${plan.move} of ${plan.both}`)
    await expectWell(page)
    await page.getByRole('button', { name: 'Promote …' }).click()
    await said(page, 'in one transaction')
    expect(await seen()).toBe('lowcap-v4')
    await confirm(page, 'Promote')
    await said(page, new RegExp(`Readers see lowcap-return \\(\\w+\\) now: ${n} trade`))
    expect(await seen()).toBe('lowcap-return')
    await page.getByRole('row', { name: /^lowcap-return .* active readers see it/ }).waitFor()

    // going back is to where it was looked at
    const elsewhere = refusal(stage.operating, '/v1/models/rollback', {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'lowcap-return' }),
    })
    expect(await elsewhere).toMatchObject({ status: 400, code: 'USAGE' })
    expect((await elsewhere).message).toMatch(/going back leads to lowcap-v4 \(\w+\) now, and not to lowcap-return/)
    expect(await seen()).toBe('lowcap-return')
    await page.getByRole('button', { name: /Roll back to lowcap-v4/ }).click()
    await confirm(page, 'Roll back')
    await said(page, /Readers see lowcap-v4 \(\w+\) now/)
    expect(await seen()).toBe('lowcap-v4')

    // one that is made elsewhere is seen
    await stage.json('promote', 'lowcap-return')
    await page.getByRole('row', { name: /^lowcap-return .* active readers see it/ }).waitFor()
    await stage.json('rollback')
    await page.getByRole('row', { name: /^lowcap-v4 .* active readers see it/ }).waitFor()

    await page.getByRole('button', { name: /^Drop lowcap-return/ }).click()
    await confirm(page, 'Drop')
    await said(page, /lowcap-return \(\w+\) is dropped: \d+ rows\./)
    await page.getByRole('row', { name: /^lowcap-return / }).waitFor({ state: 'detached' })
    expect((await stage.json<{ models: ListedVersion[] }>('models')).models.map((m) => m.name)).toEqual(['lowcap-v4'])
    expect(page.wrong).toEqual([])
    await page.context().close()
  })

  test('a version that is behind is refused with a sentence, and promoted by whoever says so', async () => {
    await stage.stopLearner()
    await answer('/v1/models/rebuild', { model: 'lowcap-v5' })
    await expect.poll(async () => (await answer('/v1/models/rebuild')).running).toBe(null)
    const page = await operator('/models')
    await said(page, /lowcap-v5 \(\w+\) reads the sums of lowcap-v4 \(\w+\), which are the same: nothing was folded\./)
    await page.getByRole('row', { name: /^lowcap-v5 .* sums of lowcap-v4/ }).waitFor()
    await stage.kafka.log.produce(stage.topic, [
      { key: 'late', value: await stage.deps.codec.encode(closedTrade({ position_id: 'late' })) },
    ])
    await page.getByRole('cell').getByRole('link', { name: 'What would change' }).first().click()
    await said(page, 'It has not applied all of the log: 1 record to go.')
    await page.getByRole('button', { name: 'Promote …' }).click()
    await confirm(page, 'Promote')
    await said(page, 'lowcap-v5 has not applied all of')
    expect(await seen()).toBe('lowcap-v4')
    await page.getByRole('dialog').getByRole('checkbox').check()
    await confirm(page, 'Promote')
    await said(page, 'They lack 1 record of the log')
    expect(await seen()).toBe('lowcap-v5')
    await page.context().close()
  })
})
