/** What `up` does about services that live and do nothing, and about what is wrong before anything is started. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { freePort } from '../../core/ports.ts'
import { stackPorts } from '../../core/stack/layout.ts'
import { type ServiceProcess, startServiceProcess } from '../../embedded/service-process.ts'
import { startStack } from '../../embedded/stack.ts'
import { type Supervised, supervise } from '../../embedded/supervise.ts'
import { freeBasePort, runCommand, startCommand } from '../support/strandline.ts'

const ENGINES_AWAY = {
  KAFKA_BROKERS: '127.0.0.1:9',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9',
  SUPABASE_URL: 'http://127.0.0.1:9',
  SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_x',
}

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'strandline-watched-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

describe('a service process that lives and does nothing', () => {
  let watched: Supervised<ServiceProcess> | undefined
  const said: string[] = []
  afterAll(() => watched?.stop())
  const saying = async (text: RegExp) => {
    while (!said.some((sentence) => text.test(sentence))) await new Promise((resolve) => setTimeout(resolve, 50))
  }

  test('is started again when it is frozen, and when it has not been ready for long; each is said', async () => {
    const port = await freePort()
    watched = await supervise<ServiceProcess>({
      name: 'pm',
      say: (sentence) => said.push(sentence),
      start: (signal) =>
        startServiceProcess({
          name: 'pm',
          port,
          dataDir: root,
          env: ENGINES_AWAY,
          logFile: join(root, 'pm.log'),
          say: () => {},
          signal,
          untilReady: false, // it never is: its database is away
        }),
      firstDelayMs: 1,
      checkEveryMs: 100,
      deadAfterMs: 1_000,
      notReadyAfterMs: 5_000,
    })
    const first = watched.current().pid
    process.kill(first, 'SIGSTOP')
    await saying(
      new RegExp(
        `^pm \\(process ${first}\\) has not answered for \\d+ s \\(no answer\\); it is started again in 0\\.001 s\\.$`,
      ),
    )
    await saying(/^pm is back/)
    const second = watched.current().pid
    expect(second).not.toBe(first)
    await saying(
      new RegExp(
        `^pm \\(process ${second}\\) has not been ready for \\d+ s \\(No answer from the database .*\\); it is started again`,
      ),
    )
  })
})

describe('a token in a file that goes away, or has another one by now', () => {
  const before = process.env.STRANDLINE_TOKEN_FILE
  let file: string
  beforeAll(() => {
    file = join(root, 'token')
    process.env.STRANDLINE_TOKEN_FILE = file
  })
  beforeEach(() => writeFile(file, 'a token of thirty letters here'.replaceAll(' ', '-')))
  afterAll(() => {
    if (before === undefined) delete process.env.STRANDLINE_TOKEN_FILE
    else process.env.STRANDLINE_TOKEN_FILE = before
  })

  test('says nothing about a service that has read it', async () => {
    const service = await startServiceProcess({
      name: 'pm',
      port: await freePort(),
      dataDir: root,
      env: ENGINES_AWAY,
      logFile: join(root, 'pm-with-token.log'),
      say: () => {},
      untilReady: false,
    })
    try {
      const notReady = { state: 'not ready', reason: expect.stringContaining('No answer from the database') }
      await expect.poll(() => service.check?.()).toMatchObject(notReady)
      await rm(file)
      expect(await service.check?.()).toMatchObject(notReady)
      await writeFile(file, 'another-token-of-many-letters')
      expect(await service.check?.()).toMatchObject(notReady)
    } finally {
      await service.stop()
    }
  })

  test('keeps no service of the stack from being started again', async () => {
    const said: string[] = []
    const password = join(root, 'password')
    await writeFile(password, 'secret')
    const stack = await startStack({
      dataDir: join(root, 'with-token'),
      ports: stackPorts(await freeBasePort()),
      needs: [],
      services: ['freqtrade'], // nothing waits for it to be ready
      env: { ...process.env, ...ENGINES_AWAY },
      serviceEnv: {
        freqtrade: {
          FREQTRADE_URL: 'http://127.0.0.1:9',
          FREQTRADE_USERNAME: 'me',
          FREQTRADE_PASSWORD_FILE: password,
        },
      },
      purpose: 'a test',
      logger: pino({ level: 'silent' }),
      say: (sentence) => said.push(sentence),
    })
    try {
      await rm(file)
      process.kill(stack.pids.freqtrade as number, 'SIGKILL')
      await expect.poll(() => said.filter((s) => /back/.test(s))).toEqual([expect.stringMatching(/^freqtrade is back/)])
    } finally {
      await stack.stop()
    }
  })
})

test('a learner whose port is taken ends before it joins anything, and says so', async () => {
  const other = createServer()
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  // With its engines away it would wait for them for ever: it does not even ask.
  const learner = await runCommand(['learner', '--port', String(port)], { env: ENGINES_AWAY })
  other.close()
  expect(learner.code).toBe(1)
  expect(learner.stderr.trim().split('\n').at(-1)).toBe(
    `Port ${port} for learner is taken by another program. Stop that program, or choose another port with --port.`,
  )
  expect(learner.stderr).not.toContain('waiting')
})

test('regression: a service that cannot start ends, whoever started it', async () => {
  const main = new URL('../../cli/main.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [main, 'learner', '--port', '0', '--model', 'nonsense'], {
    env: { ...process.env, ...ENGINES_AWAY },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'], // as `up` starts it: the channel kept the failed process alive
  })
  const [code] = await once(child, 'exit')
  expect(code).toBe(2) // wrong usage
})

describe('what is wrong is said before anything is started', () => {
  test.each([
    [
      'a model that there is not',
      ['--model', 'nonsense'],
      {},
      /^There is no model 'nonsense'\. Use one of .*lowcap-v4/m,
      2,
    ],
    ['a number of partitions', [], { STRANDLINE_PARTITIONS: 'six' }, /^STRANDLINE_PARTITIONS is 'six'\./m, 1],
    ['a level of the log', [], { LOG_LEVEL: 'loud' }, /^LOG_LEVEL is 'loud'\. Use one of: trace, /m, 1],
    [
      'half of a Supabase',
      [],
      { SUPABASE_URL: 'http://127.0.0.1:9' },
      /^SUPABASE_URL is set, and SUPABASE_SERVICE_ROLE_KEY is not\./m,
      1,
    ],
  ])('%s', async (_name, args, env, sentence, code) => {
    const folder = join(root, 'none')
    const outcome = await runCommand(
      ['up', '--data-dir', folder, '--base-port', String(await freeBasePort()), ...args],
      {
        env: env as Record<string, string>,
      },
    )
    expect(outcome.stderr.trim()).toMatch(sentence)
    expect(outcome.code).toBe(code)
    expect(existsSync(folder)).toBe(false)
  })

  test.skipIf(!existsSync('/proc/self'))('regression: a folder that cannot be', async () => {
    const outcome = await runCommand(['up', '--data-dir', '/proc/foo', '--base-port', String(await freeBasePort())])
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).toMatch(/^Stack: \/proc\/foo\nThe data folder \/proc\/foo cannot be used: .*\n$/)
  })
})

test('the first Ctrl-C ends a start at whatever it is waiting for, and leaves nothing behind', async () => {
  const folder = join(root, 'interrupted')
  const base = String(await freeBasePort())
  for (const sight of ['postgres.initialising', 'kafka/server.properties', 'stack-never']) {
    const up = startCommand(['up', '--data-dir', folder, '--base-port', base])
    while (!existsSync(join(folder, sight)) && sight !== 'stack-never')
      await new Promise((resolve) => setTimeout(resolve, 10))
    if (sight === 'stack-never') await up.says('listens on')
    up.child.kill('SIGINT')
    const { code, stderr } = await up.ended
    expect(stderr).toContain('Stopped before it was up.')
    expect(code).toBe(130)
    expect(existsSync(join(folder, 'lock'))).toBe(false)
  }
})
