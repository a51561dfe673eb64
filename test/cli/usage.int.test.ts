import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createProgram } from '../../cli/program.ts'
import { runCommand, STRANDLINE, startCommand } from '../support/strandline.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'strandline-cli-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

describe('help', () => {
  test('every command is in the help, and each has a description and an example', async () => {
    const program = await createProgram()
    const help = program.helpInformation()
    for (const command of program.commands) {
      expect(help).toContain(`\n  ${command.name()}`)
      expect(command.description(), command.name()).toMatch(/^[A-Z].*\.$/s)
      let text = ''
      command.configureOutput({ writeOut: (t) => (text += t) })
      command.outputHelp()
      expect(text, command.name()).toMatch(/Examples?:\n.*strandline/s)
    }
  })

  test('without a command the help is shown, on standard output', async () => {
    const { code, stdout, stderr } = await runCommand([])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Usage: strandline')
  })
})

describe('wrong usage is one sentence on standard error and exit code 2', () => {
  test.each([
    [['nonsense'], /^Unknown command 'nonsense'\. See/],
    [['foldd'], /^Unknown command 'foldd'\. Did you mean fold\? See/],
    [['up', '--data-dri', 'x'], /^Unknown option '--data-dri'\. Did you mean --data-dir\? See/],
    [['up', '--base-port', 'ten'], /must be a whole number from 1024/],
    [['fold'], /^Missing required argument 'events.jsonl'\. See/],
  ])('%j', async (args, sentence) => {
    const { code, stdout, stderr } = await runCommand(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(sentence)
    expect(stderr.trim()).not.toContain('\n')
  })
})

describe('a known failure is one sentence and exit code 1', () => {
  test('a folder without a stack', async () => {
    const { code, stderr } = await runCommand(['coefficients', '--data-dir', join(root, 'none')])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^There is no stack in .*none\. Start one .*\n$/)
  })

  test('a service that knows no engines', async () => {
    const { code, stderr } = await runCommand(['pm', '--data-dir', join(root, 'none')])
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^No stack runs in .*none, and the environment names no engines\. Start one \(\.\/strandline up\), .*or set SUPABASE_URL, .*\n$/,
      ),
    })
  })

  test('a database that is not there', async () => {
    const { code, stderr } = await runCommand([
      'migrate',
      '--database-url',
      'postgres://postgres:hunter2@127.0.0.1:1/x',
    ])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Stack: .*\nNo connection to the database at 127\.0\.0\.1:1\/x: .*\n$/)
    expect(stderr).not.toContain('hunter2')
  })
})

describe('regression: with --json a failure is one JSON object on standard output', () => {
  test.each([
    [['coefficients', '--json', '--data-dir', 'no-such'], 1, 'STACK_NOT_RUNNING'],
    [['allocate', '--json'], 2, 'USAGE'],
    [['lag', '--json', '--nonsense'], 2, 'USAGE'],
    [['fold', 'no-such.jsonl', '--json'], 1, 'FILE_UNREADABLE'],
    [['fold', '-', '--json', '--model', 'nonsense'], 2, 'USAGE'],
    [['up', '--json', '--model', 'nonsense', '--data-dir', 'never-made'], 2, 'USAGE'],
    [['import', 'freqtrade', 'no-such.json', '--candles', 'no-such', '--json'], 1, 'FILE_UNREADABLE'],
    [['up', '--json', '--base-port', 'ten'], 2, 'USAGE'],
  ])('%j', async (args, exit, code) => {
    const outcome = await runCommand(args, { cwd: root })
    expect(outcome.code).toBe(exit)
    const { error, ...rest } = JSON.parse(outcome.stdout)
    expect(rest).toEqual({})
    expect(error).toMatchObject({ code, message: expect.stringMatching(/^\S.*\.$/), todo: expect.any(String) })
    expect(outcome.stderr).not.toMatch(/\n +at /)
  })
})

test('regression: a command whose output nobody reads ends with its own exit code', async () => {
  const { code } = await runCommand(['allocate', '--json'], { cwd: root, unread: true })
  expect(code).toBe(2)
})

describe('regression: a wrong environment is one sentence', () => {
  test.each([
    [['topics'], { KAFKA_BROKERS: '127.0.0.1:1' }, /^Kafka at 127\.0\.0\.1:1 failed/m], // and not that a registry is missing
    [['coefficients'], { SUPABASE_URL: 'http://127.0.0.1:1' }, /SUPABASE_SERVICE_ROLE_KEY is not/],
    [
      ['supabase'],
      { DATABASE_URL: 'nonsense', SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_x' },
      /^DATABASE_URL is not the URL/,
    ],
    [
      ['supabase', '--database-url', 'nonsense'],
      { DATABASE_URL: 'postgres://u@127.0.0.1:1/x', SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_x' },
      /^--database-url is not the URL/, // the flag beats the environment
    ],
    [['coefficients', '--data-dir', 'no-such'], { KAFKA_BROKERS: 'no-port' }, /^There is no stack in/m], // no word of brokers
  ])('%j %j', async (args, env, sentence) => {
    const { code, stderr } = await runCommand(args, { env: env as Record<string, string>, cwd: root })
    expect(code).toBe(1)
    expect(stderr).toMatch(sentence)
    expect(stderr).not.toMatch(/\n +at /)
  })
})

test('regression: up starts nothing where DATABASE_URL names a database that it would not use', async () => {
  const env = { DATABASE_URL: 'postgres://u:hidden@127.0.0.1:1/x', KAFKA_BROKERS: '127.0.0.1:1' }
  const { code, stderr } = await runCommand(['up', '--data-dir', 'named'], { env, cwd: root })
  expect(code).toBe(2)
  expect(stderr).toMatch(
    /^DATABASE_URL is set \(postgres:.*\), and SUPABASE_URL is not: .* Set SUPABASE_URL .*, or unset DATABASE_URL .*\.\n$/,
  )
  expect(stderr).not.toContain('hidden')
  expect(existsSync(join(root, 'named'))).toBe(false)
})

describe('a service alone', () => {
  const engines = (port: number) => ({
    KAFKA_BROKERS: `127.0.0.1:${port}`,
    SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9',
    SUPABASE_URL: 'http://127.0.0.1:9',
    SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_x',
  })

  test('waits for engines that are not up yet, says so, and ends at once when told to', async () => {
    const learner = startCommand(['learner', '--port', '0'], { env: engines(9) })
    await learner.says(/waiting: No answer from the database .* Next try in 0\.5 s/)
    learner.child.kill('SIGTERM')
    expect((await learner.ended).code).toBe(0)
  })

  test('fails at once on a model that does not exist', async () => {
    const { code, stderr } = await runCommand(['learner', '--model', 'nonsense', '--port', '0'], { env: engines(9) })
    expect(code).toBe(2)
    expect(stderr).toMatch(/nonsense/)
  })
})

describe('the wrapper', () => {
  /** A copy of the project without packages, and a PATH with only these programs besides the system's. */
  async function bare(programs: Record<string, string>): Promise<{ project: string; env: NodeJS.ProcessEnv }> {
    const project = await mkdtemp(join(root, 'project-'))
    await cp(STRANDLINE, join(project, 'strandline'))
    await writeFile(join(project, 'package-lock.json'), '{}')
    const bin = join(project, 'bin')
    await mkdir(bin)
    for (const tool of [
      'sh',
      'cat',
      'cksum',
      'uname',
      'dirname',
      'readlink',
      'mkdir',
      'rm',
      'mv',
      'mktemp',
      'sleep',
      'ls',
      'wc',
      'tr',
      'grep',
      'sed',
      'head',
      'cp',
      'env',
    ])
      await symlink((await promisify(execFile)('sh', ['-c', `command -v ${tool}`])).stdout.trim(), join(bin, tool))
    for (const [name, script] of Object.entries(programs)) {
      await writeFile(join(bin, name), `#!${bin}/sh\n${script}\n`)
      await chmod(join(bin, name), 0o755)
    }
    return { project, env: { PATH: bin, HOME: root } }
  }

  async function run(project: string, env: NodeJS.ProcessEnv) {
    const child = spawn(join(project, 'strandline'), ['up'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    const [code] = await once(child, 'close')
    return { code, stderr }
  }

  test('no Node.js at all', async () => {
    const { project, env } = await bare({})
    expect(await run(project, env)).toEqual({
      code: 1,
      stderr:
        'Strandline needs Node.js 20 or later with npm to install itself, and there is no node on the PATH. Install Node.js and run this again.\n',
    })
  })

  test('a Node.js that is too old', async () => {
    const { project, env } = await bare({ node: 'echo 18.20.1', npm: '' })
    expect(await run(project, env)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the one on the PATH is 18.20.1'),
    })
  })

  test('no npm', async () => {
    const { project, env } = await bare({ node: 'echo 20.1.0' })
    expect(await run(project, env)).toMatchObject({ code: 1, stderr: expect.stringContaining('needs npm') })
  })

  test('no network', async () => {
    const { project, env } = await bare({
      node: 'echo 20.1.0',
      npm: 'echo "npm error code ENOTFOUND" >&2; echo "npm error network request to a registry failed" >&2; exit 1',
    })
    const { code, stderr } = await run(project, env)
    expect(code).toBe(1)
    expect(stderr).toMatch(/there is no network/)
    expect(stderr).not.toMatch(/npm error/)
  })

  test('another failure of npm names its reason and keeps its output', async () => {
    const { project, env } = await bare({
      node: 'echo 20.1.0',
      npm: 'echo "npm error code EUSAGE"; echo "npm error the lock file is off" >&2; exit 1',
    })
    const { stderr } = await run(project, env)
    expect(stderr).toMatch(/npm could not install the packages: the lock file is off/)
    expect(await readFile(join(project, '.strandline-install.log'), 'utf8')).toContain('EUSAGE')
  })

  test('the lock of an install that was killed is broken', async () => {
    const { project, env } = await bare({})
    await mkdir(join(project, '.strandline-install.lock'))
    await writeFile(join(project, '.strandline-install.lock/pid'), '999999\n')
    expect((await run(project, env)).stderr).toMatch(/there is no node on the PATH/)
  })

  test('it works through a symbolic link and from another folder', async () => {
    await symlink(STRANDLINE, join(root, 'link'))
    const { stdout } = await promisify(execFile)(join(root, 'link'), ['--version'], { cwd: root })
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})
