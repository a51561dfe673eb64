/** What others have: Confluent's client, kcat and Kafka's own tools see the same topic, the same events and the same lag as we do. */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { eventUuid } from '../../domain/event.ts'
import { runKafkaTool } from '../../embedded/kafka.ts'
import { closedTrade } from '../support/closed-trade.ts'
import { learnerGroup } from '../support/learner-group.ts'
import { type Loop, startLoop } from '../support/loop.ts'
import { PATIENT } from '../support/patience.ts'

const run = promisify(execFile)
const EVENTS = 25
const cache = process.env.STRANDLINE_CACHE_DIR?.trim() || join(homedir(), '.cache', 'strandline')
const python = join(cache, 'confluent-python-2.16.1', 'bin', 'python')
const hasPython = existsSync(join(python, '..', '..', 'ready'))
const hasKcat = spawnSync('kcat', ['-V'], { stdio: 'ignore' }).error === undefined
if (!hasPython)
  process.stderr.write(
    "\n!!! LEFT OUT: decoding by Confluent's Python client; install it with test/clients/confluent-python.sh\n",
  )
if (!hasKcat) process.stderr.write('\n!!! LEFT OUT: kcat is not installed (apt-get install kcat)\n')

let loop: Loop
const events = Array.from({ length: EVENTS }, (_, i) =>
  closedTrade({
    position_id: `p${i}`,
    trade_id: `t${i}`,
    event_id: eventUuid(`client-${i}`),
    levers: { curator: 'a|b', chain: 'solana' },
  }),
)
beforeAll(async () => {
  loop = await startLoop()
  const { log, codec, config } = loop.deps
  await log.produce(
    config.topic,
    await Promise.all(
      events.map(async (e) => ({ key: e.position_id, value: await codec.encode(e), headers: { ce_id: e.event_id } })),
    ),
  )
})
afterAll(() => loop?.stop())

test.skipIf(!hasPython)("Confluent's Python client decodes every event through the registry", async () => {
  const { config } = loop.deps
  const { stdout } = await run(python, [
    fileURLToPath(new URL('read_topic.py', import.meta.url)),
    config.kafka.brokers.join(','),
    config.registry.url,
    config.topic,
  ])
  const read = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { key: string; value: Record<string, unknown>; headers: Record<string, string> })
  expect(read).toHaveLength(EVENTS)
  for (const event of events) {
    const found = read.find((r) => r.value.event_id === event.event_id)
    expect(found?.key).toBe(event.position_id)
    expect(found?.headers.ce_id).toBe(event.event_id)
    expect(found?.value).toEqual(JSON.parse(JSON.stringify(event)))
  }
})

test.skipIf(!hasKcat)(
  'kcat reads the records, and each value starts with the id of the schema in the registry',
  async () => {
    const { config } = loop.deps
    const { stdout } = await run(
      'kcat',
      [
        '-b',
        config.kafka.brokers.join(','),
        '-C',
        '-t',
        config.topic,
        '-o',
        'beginning',
        '-e',
        '-q',
        '-s',
        'value=bI',
        '-f',
        '%k %s\n',
      ],
      { maxBuffer: 1 << 24 },
    )
    const lines = stdout.trim().split('\n')
    expect(lines.map((l) => l.split(' ')[0]).sort()).toEqual(events.map((e) => e.position_id).sort())
    const answer = (await (
      await fetch(`${config.registry.url}/subjects/${config.topic}-value/versions/latest`)
    ).json()) as { id: number }
    for (const line of lines) expect(line.split(' ').slice(1).join('')).toMatch(new RegExp(`^0${answer.id}`))
  },
)

test("Kafka's own kafka-consumer-groups shows the lag of both groups falling to 0", async () => {
  const { config } = loop.deps
  for (const group of [learnerGroup(config.model), 'strandline-projector'])
    await vi.waitFor(async () => {
      const out = await runKafkaTool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [
        '--bootstrap-server',
        config.kafka.brokers.join(','),
        '--describe',
        '--group',
        group,
      ])
      const rows = out
        .split('\n')
        .map((l) => l.trim().split(/\s+/))
        .filter((c) => c[0] === group && c[1] === config.topic)
      expect(rows.length).toBeGreaterThan(0)
      const ends = (await loop.deps.log.offsets(config.topic)).filter((o) => o.end > 0)
      for (const { partition, end } of ends)
        expect(rows.find((c) => c[2] === String(partition))?.slice(3, 6)).toEqual([String(end), String(end), '0'])
    }, PATIENT)
})
