/** Dead letters: read in Redpanda Console, applied by a replay once the cause is put right, and redriven from the command line. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { frame, positionClosedSchema, positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { PROJECTOR_GROUP, startProjector } from '../../services/projector/index.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { type ConsoleStage, GROUP, openConsoleStage } from '../support/console-stage.ts'

const run = promisify(execFile)
const CLI = new URL('../../cli/main.ts', import.meta.url).pathname

let stage: ConsoleStage
beforeEach(async () => {
  stage = await openConsoleStage()
})
afterEach(() => stage?.close())

/** `./strandline dead-letters …` in a process of its own, as a person runs it. */
const deadLetters = (...args: string[]) => deadLettersWith({}, ...args)

async function deadLettersWith(
  more: Record<string, string>,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    KAFKA_BROKERS: stage.kafka.brokers,
    SCHEMA_REGISTRY_URL: stage.kafka.registryUrl,
    ...stage.db.env,
    STRANDLINE_TOPIC: stage.topic,
    ...more,
  }
  try {
    return { code: 0, ...(await run(process.execPath, [CLI, 'dead-letters', ...args], { env })) }
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string }
  }
}
const json = async (...args: string[]) => JSON.parse((await deadLetters(...args, '--json')).stdout)

/** A schema of a producer that is ahead of the registry: one optional field more, under the number that it will get. */
async function aheadOfRegistry() {
  await stage.publish({ position_id: 'first' }) // our own schema is registered
  const { registry, createSchema } = stage.console
  const [own] = await stage.console.messages(stage.topic)
  const { maxId } = (await registry('GET', `/schemas/ids/${own!.schemaId}?fetchMaxId=true`)).body
  const schema = JSON.parse(positionClosedSchema)
  // A name of its own: another test's schema has another number.
  const name = `venue_${stage.topic.replace(/\W/g, '_')}`
  schema.fields.push({ name, type: 'string', default: '' })
  const id = Number(maxId) + 1
  return {
    /** Our event, and the field at the end of it. */
    encode: (position_id: string) =>
      frame(id, Buffer.concat([positionClosedType.toBuffer(closedTrade({ position_id })), Buffer.from([2, 0x78])])),
    async register() {
      expect(await createSchema(`${stage.topic}-value`, JSON.stringify(schema))).toMatchObject({
        status: 200,
        body: { id },
      })
    },
  }
}

test('a dead letter is read with its reason, where it came from, and its own key, headers and bytes', async () => {
  await stage.start()
  const value = Buffer.from('{"position_id": "p-9"}')
  const at = await stage.console.publish(stage.topic, { key: 'p-9', value, headers: { ce_id: 'x/0' } })
  await stage.caughtUp()
  const [letter, ...others] = await stage.console.messages(stage.config.deadLetterTopic)
  expect(others).toEqual([])
  expect(letter).toMatchObject({ key: 'p-9', raw: { value } })
  expect(letter!.headers).toMatchObject({
    ce_id: 'x/0',
    '__connect.errors.topic': stage.topic,
    '__connect.errors.partition': String(at.partition),
    '__connect.errors.offset': String(at.offset),
    '__connect.errors.exception.class.name': 'bad_magic',
    '__connect.errors.exception.message': 'starts with byte 123, not with 0',
  })
  const { stdout } = await deadLetters()
  expect(stdout).toMatch(new RegExp(`^${at.partition}:${at.offset} .* bad_magic +open .*starts with byte 123`, 'm'))
})

describe('records of a schema that the registry did not know', () => {
  test('are applied by a replay once it does, and are no open dead letters then', async () => {
    const producer = await aheadOfRegistry()
    await stage.start()
    const { publish, editOffsets, every } = stage.console
    for (const key of ['a', 'b']) await publish(stage.topic, { key, value: producer.encode(key) })
    await publish(stage.topic, { key: 'c', value: Buffer.from('never') })
    await stage.caughtUp()
    expect((await stage.baseline()).n).toBe(1)
    expect((await stage.deadLetters()).map((d) => d.reason).sort()).toEqual([
      'bad_magic',
      'unknown_schema',
      'unknown_schema',
    ])

    await producer.register()
    await stage.stop()
    const letters = await stage.kafka.log.offsets(stage.config.deadLetterTopic)
    expect(await editOffsets(GROUP, stage.topic, await every(stage.topic, -2))).toBeNull()
    await stage.start()
    await expect.poll(async () => (await stage.baseline()).n).toBe(3)
    await expect
      .poll(async () => (await (await stage.console.group(GROUP)).lag(stage.topic)).map((p) => p.lag))
      .toEqual([0, 0, 0])

    // What is still no event is not sent a second time.
    expect(await stage.kafka.log.offsets(stage.config.deadLetterTopic)).toEqual(letters)
    const { dead_letters } = await json()
    expect(dead_letters).toMatchObject([{ reason: 'bad_magic', state: 'open' }])
    expect((await json('--all')).dead_letters.map((d: { state: string }) => d.state).sort()).toEqual([
      'applied',
      'applied',
      'open',
    ])
  })

  test('regression: are strands as well, where the projector’s group is set back as the document says', async () => {
    const documented = readFileSync(new URL('../../docs/console.md', import.meta.url), 'utf8')
    const replay = /\n- or set [^\n]*/.exec(documented)?.[0]
    const groups = [GROUP, PROJECTOR_GROUP].filter((group) => group === GROUP || replay?.includes(`\`${group}\``))
    const start = async () => {
      await stage.start()
      return startProjector({ ...stage.deps, metrics: new Registry() })
    }
    const strands = async () => (await stage.db.sql('select position_id from position_closed_strands')).length
    const producer = await aheadOfRegistry()
    const { publish, editOffsets, every } = stage.console
    await publish(stage.topic, { key: 'a', value: producer.encode('a') })
    const projector = await start()
    await expect.poll(() => stage.db.sql(`select 1 from dead_letters where reason = 'unknown_schema'`)).toHaveLength(1)
    await stage.publish({ position_id: 'behind it' })
    await expect.poll(strands).toBe(2)
    await expect.poll(async () => (await stage.baseline()).n).toBe(2)
    await Promise.all([stage.stop(), projector.stop()])

    await producer.register()
    for (const group of groups) expect(await editOffsets(group, stage.topic, await every(stage.topic, -2))).toBeNull()
    const again = await start()
    try {
      await expect.poll(async () => (await stage.baseline()).n).toBe(3)
      await expect.poll(strands).toBe(3)
    } finally {
      await again.stop()
    }
  })

  test('are redriven once each, as they were; one that cannot be applied is a dead letter again, at its new place', async () => {
    const producer = await aheadOfRegistry()
    const { publish, messages } = stage.console
    const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tag: 'x' }
    await publish(stage.topic, { key: 'a', value: producer.encode('a'), headers })
    const keyless = await publish(stage.topic, { key: null, value: producer.encode('b') }, { partition: 1 })
    await stage.start()
    await stage.caughtUp()
    await stage.stop()
    await producer.register()
    expect((await json()).dead_letters).toHaveLength(2)

    const first = await json('redrive', '--all')
    expect(first).toMatchObject({ redriven: [{}, {}], skipped: [] })
    expect(await json('redrive', '--all')).toMatchObject({ redriven: [], skipped: [] })
    const copies = await messages(stage.topic, (m) => m.key === 'a')
    expect(copies).toHaveLength(2)
    expect(copies[1]).toMatchObject({ key: 'a', headers, partition: copies[0]!.partition })
    expect(copies[1]!.raw.value).toEqual(copies[0]!.raw.value)
    const { partition, offset } = copies[0]!
    expect(copies[1]!.headers).toEqual({
      ...headers,
      'strandline.redrives': '1',
      'strandline.redrive.of': `${partition}:${offset}`,
    })

    await stage.start()
    await stage.caughtUp()
    expect((await stage.baseline()).n).toBe(2)
    const again = first.redriven.find((r: typeof keyless) => r.partition === 1 && r.offset === keyless.offset)
    const { dead_letters } = await json()
    expect(dead_letters).toMatchObject([{ ...again.to, reason: 'null_key', state: 'open' }])
    expect((await json('--all')).dead_letters).toHaveLength(3)
  })
})

test('one place is redriven by name; one that is none, or was redriven before, is left, and said so', async () => {
  await stage.start()
  const at = await stage.console.publish(stage.topic, { key: 'k', value: Buffer.from('no event') })
  await stage.caughtUp()
  const place = `${at.partition}:${at.offset}`
  const copy = `${at.partition}:${at.offset + 1}`
  const preview = await deadLetters('redrive', '--all', '--dry-run')
  expect(preview.stdout).toMatch(
    new RegExp(`^${place} +bad_magic +0 +the topic +${stage.topic}, partition ${at.partition}$`, 'm'),
  )
  expect(preview.stdout).toMatch(/^1 record would be redriven\. Nothing was published\.$/m)
  expect(await stage.console.messages(stage.topic)).toHaveLength(1)
  expect(await json('redrive', place)).toMatchObject({ redriven: [{ ...at, to: { offset: at.offset + 1 } }] })
  await stage.caughtUp()

  const refused = await deadLetters('redrive', place, '2:999')
  expect(refused.code).toBe(1)
  expect(refused.stdout).toContain(`${place} is left as it is: it was redriven before, to ${copy}.`)
  expect(refused.stdout).toContain('2:999 is left as it is: there is no dead letter of this place.')
  // what failed again is left alone by a redrive of everything, which is no failure: it may run every hour
  const again = await deadLetters('redrive', '--all')
  expect(again).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/redriven and refused again .*\n0 records redriven, 1 left\.\n$/),
  })
  expect(await stage.console.messages(stage.topic)).toHaveLength(2)
})

test('letters are listed with what one can do, shown whole without harm to the terminal, discarded and opened again', async () => {
  await stage.start()
  const evil = Buffer.from('{"a": "\u001b[2J\u202e",\n "b": 1}')
  const at = await stage.console.publish(stage.topic, { key: 'k\u001b[31m', value: evil, headers: { h: '\u0007' } })
  const [event] = await stage
    .publish({ position_id: 'ours' })
    .then(() => stage.console.messages(stage.topic, (m) => m.key === 'ours'))
  const cut = event!.raw.value!.subarray(0, event!.raw.value!.length - 9)
  const cutAt = await stage.console.publish(stage.topic, { key: 'cut', value: cut })
  await stage.caughtUp()
  const [place, cutPlace] = [at, cutAt].map((p) => `${p.partition}:${p.offset}`) as [string, string]

  const listed = await deadLetters()
  expect(listed.stdout).toMatch(/^1 bad_magic {2}Let its producer write Avro.*\n1 truncated {2}Publish the trade anew/m)
  expect((await json('list', '--reason', 'truncated', 'not_avro')).dead_letters).toMatchObject([cutAt])
  expect(await json('list', '--until', '2026-01-01T00:00Z')).toMatchObject({ dead_letters: [], by_reason: {} })
  const { stdout: first } = await deadLetters('list', '--max', '1', '--partition', '0', '1', '2')
  expect(first).toContain('These are the first 1 of 2; --json prints all.')

  const shown = await deadLetters('show', place)
  expect(shown.code).toBe(0)
  expect(shown.stdout).not.toMatch(/[^\P{C}\n]/u) // no control characters but ends of lines
  for (const line of [
    /^refused for +bad_magic: starts with byte 123, not with 0$/m,
    /^what to do +Let its producer write Avro/m,
    /^Key \(6 bytes\): "k\\u001b\[31m"$/m,
    /^ +h: "\\u0007"$/m,
    /^ +\{"a": "\\u001b\[2J\\u202e",\n +"b": 1\}$/m,
  ])
    expect(shown.stdout).toMatch(line)
  const whole = await deadLetters('show', place, '--json')
  expect(whole.stdout).not.toMatch(/[^\P{C}\n]/u)
  const { record, ...about } = JSON.parse(whole.stdout)
  expect(about).toMatchObject({ ...at, reason: 'bad_magic', state: 'open', todo: expect.any(String) })
  expect(record).toMatchObject({
    from: 'topic',
    value: { format: 'text', text: evil.toString(), hex: evil.toString('hex') },
  })

  const { stdout: truncated } = await deadLettersWith({ SCHEMA_REGISTRY_URL: '' }, 'show', cutPlace)
  expect(truncated).toMatch(/bytes 1–4 +schema \d+: no schema registry is named/)
  expect(truncated).toContain("read with this build's own schema: a guess")
  expect(truncated).toMatch(/^ +\d+ +closed_at +\d+ \(2026-01-02T12:00:00\.000Z\)$/m)
  expect(truncated).toMatch(/Reading stops at byte \d+, in \S+: .*\.\n +[0-9a-f]{8} {2}([0-9a-f]{2} )+/)

  const unknown = await deadLetters('show', '0:999', '--json')
  expect(unknown).toMatchObject({ code: 1 })
  expect(JSON.parse(unknown.stdout).error).toMatchObject({ code: 'LETTER_UNKNOWN' })

  expect((await json('redrive', '--all', '--max', '1', '--dry-run')).would_redrive).toHaveLength(1)
  const before = await json('list')
  expect((await deadLetters('discard', place, '--reason', 'a test', '--dry-run')).stdout).toContain(
    'would be discarded',
  )
  expect(await json('list')).toEqual(before)
  expect(await json('discard', '--refused-for', 'bad_magic', '--reason', 'a test')).toMatchObject({
    discarded: [at],
    skipped: [],
  })
  expect((await json()).dead_letters).toMatchObject([cutAt])
  expect((await deadLetters('show', place)).stdout).toMatch(/^state +discarded .* UTC by .+@.+: a test$/m)
  const twice = await deadLetters('discard', place, '--reason', 'a test')
  expect(twice).toMatchObject({ code: 1, stdout: expect.stringContaining('it is discarded already') })
  expect((await deadLetters('redrive', place)).stdout).toContain('it is discarded (./strandline dead-letters reopen)')
  expect(await json('reopen', place)).toMatchObject({ reopened: [at] })
  expect((await json()).dead_letters).toHaveLength(2)
})
