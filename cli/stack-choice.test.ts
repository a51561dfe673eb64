import { describe, expect, test } from 'vitest'
import type { Need } from '../core/stack/layout.ts'
import { createProgram } from './program.ts'
import { chooseStack, requireSupabaseOfDatabase, type StackQuestion, withoutSecrets } from './stack-choice.ts'

const HERE = {
  KAFKA_BROKERS: '127.0.0.1:7310',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:7312',
  SUPABASE_URL: 'http://127.0.0.1:7313',
  SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_here',
  DATABASE_URL: 'postgres://postgres:here@127.0.0.1:7314/postgres',
}
const THERE = {
  KAFKA_BROKERS: 'broker.example:9092',
  SCHEMA_REGISTRY_URL: 'https://me:pass@registry.example',
  SUPABASE_URL: 'https://project.supabase.co',
  SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_there',
}
const ALL: Need[] = ['database', 'kafka', 'registry']
const running = { env: HERE, pid: 42 }
const choose = (q: Partial<StackQuestion>) =>
  chooseStack({ dataDir: '/srv/stack', explicit: false, needs: ALL, env: {}, running: undefined, ...q })

/** What comes of each combination: is a folder named, does a stack run there, and what the environment names. */
const ENVIRONMENTS = { nothing: {}, 'the same': HERE, others: THERE, half: { SUPABASE_URL: THERE.SUPABASE_URL } }
const TABLE: [explicit: boolean, runs: boolean, env: keyof typeof ENVIRONMENTS, outcome: string][] = [
  [false, false, 'nothing', 'folder'],
  [false, false, 'the same', 'environment'],
  [false, false, 'others', 'environment'],
  [false, false, 'half', 'CONFIG_INVALID'],
  [false, true, 'nothing', 'running'],
  [false, true, 'the same', 'running'],
  [false, true, 'others', 'environment'],
  [false, true, 'half', 'CONFIG_INVALID'],
  [true, false, 'nothing', 'folder'],
  [true, false, 'the same', 'USAGE'],
  [true, false, 'others', 'USAGE'],
  [true, false, 'half', 'USAGE'],
  [true, true, 'nothing', 'running'],
  [true, true, 'the same', 'running'],
  [true, true, 'others', 'USAGE'],
  [true, true, 'half', 'USAGE'],
]

test.each(TABLE)(
  'folder named: %s, a stack runs there: %s, the environment names %s: %s',
  (explicit, runs, env, outcome) => {
    const question = { explicit, running: runs ? running : undefined, env: ENVIRONMENTS[env] }
    let came: string
    try {
      came = choose(question).from
    } catch (error) {
      came = (error as { code: string }).code
    }
    expect(came).toBe(outcome)
  },
)

describe('engines of two stacks are never mixed', () => {
  test('the environment alone, also beside a running stack', () => {
    const { env } = choose({ env: { ...THERE, STRANDLINE_TOPIC: 't' }, running })
    expect(env).toEqual({ ...THERE, STRANDLINE_TOPIC: 't' })
  })

  test('the running stack alone, with settings that are not of engines', () => {
    const { env } = choose({ env: { DATABASE_URL: 'postgres://elsewhere', STRANDLINE_TOPIC: 't' }, running })
    expect(env).toEqual({ ...HERE, STRANDLINE_TOPIC: 't' })
  })

  describe('a database that is named by its own URL alone', () => {
    const DIRECT = {
      KAFKA_BROKERS: THERE.KAFKA_BROKERS,
      SCHEMA_REGISTRY_URL: THERE.SCHEMA_REGISTRY_URL,
      DATABASE_URL: 'postgres://me:pass@db.example:5432/postgres',
    }
    test.each([{ running: undefined }, { running }])('is one of the environment, beside the others: %j', (there) => {
      const { from, env, name } = choose({ ...there, env: DIRECT })
      expect(from).toBe('environment')
      expect(env).toEqual(DIRECT)
      expect(name).toContain('database postgres://db.example:5432/postgres, Kafka')
      expect(choose({ ...there, env: DIRECT, needs: ['database'] })).toMatchObject({ from: 'environment', env: DIRECT })
      expect(() => choose({ ...there, env: DIRECT, explicit: true })).toThrow(
        /DATABASE_URL names postgres:\/\/db\.example/,
      )
    })

    test('is taken where direct access is asked for, and otherwise may be meant for any other program', () => {
      const { DATABASE_URL } = DIRECT
      const asked = { DATABASE_URL, STRANDLINE_STORE: 'direct' }
      expect(choose({ env: asked, needs: ['database'] })).toMatchObject({ from: 'environment', env: asked })
      expect(choose({ env: { DATABASE_URL }, needs: ['database'] }).from).toBe('folder')
      expect(() => choose({ env: asked })).toThrow(
        /DATABASE_URL is set, and KAFKA_BROKERS and SCHEMA_REGISTRY_URL are not/,
      )
    })
  })

  describe('regression: up starts no embedded database beside one that its URL alone names', () => {
    const DATABASE_URL = 'postgres://me:pass@db.example:5432/postgres'
    test.each([
      { KAFKA_BROKERS: THERE.KAFKA_BROKERS },
      { SCHEMA_REGISTRY_URL: THERE.SCHEMA_REGISTRY_URL, SUPABASE_URL: ' ' },
      { STRANDLINE_STORE: 'direct', SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_there' },
    ])('refused beside %j', (others) => {
      expect(() => requireSupabaseOfDatabase({ ...others, DATABASE_URL })).toThrow(
        'DATABASE_URL is set (postgres://db.example:5432/postgres), and SUPABASE_URL is not: up works on no database that only its URL names.',
      )
    })
    test.each([{ DATABASE_URL }, { ...THERE, DATABASE_URL }, THERE, {}])('not refused: %j', (env) => {
      expect(() => requireSupabaseOfDatabase(env)).not.toThrow()
    })
  })

  test('a key without a URL names nothing', () => {
    const { env } = choose({ env: { SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_there' }, running })
    expect(env).toEqual(HERE)
  })

  test('what the command does not need is not asked for, and beats nothing', () => {
    const { from, env } = choose({
      explicit: true,
      needs: ['database'],
      env: { KAFKA_BROKERS: 'broker.example:9092' },
      running,
    })
    expect(from).toBe('running')
    expect(env).toEqual(HERE)
    expect(
      choose({ needs: ['database'], env: { SUPABASE_URL: 'http://x', SUPABASE_SERVICE_ROLE_KEY: 'k' } }).from,
    ).toBe('environment')
  })

  test('a part of the running stack, by its own values, is that stack', () => {
    expect(choose({ env: { SUPABASE_URL: `${HERE.SUPABASE_URL}/` }, running })).toMatchObject({
      from: 'running',
      env: HERE,
    })
  })

  test('the same URL with another key is a contradiction', () => {
    const env = { SUPABASE_URL: HERE.SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_old' }
    expect(() => choose({ explicit: true, env, running })).toThrow(/SUPABASE_SERVICE_ROLE_KEY is another one/)
  })

  test('a stack of which only a part runs is not taken for a whole one', () => {
    const part = { pid: 42, env: { SUPABASE_URL: 'http://127.0.0.1:1', SUPABASE_SERVICE_ROLE_KEY: 'k' } }
    expect(() => choose({ running: part })).toThrow(/runs without Kafka and schema registry.*process 42/)
    expect(choose({ running: part, needs: ['database'] }).from).toBe('running')
  })
})

describe('a contradiction names both, and how to end it', () => {
  test('a folder and an environment', () => {
    expect(() => choose({ explicit: true, env: THERE, running })).toThrow(
      expect.objectContaining({
        message:
          '--data-dir names the stack in /srv/stack, and SUPABASE_URL names https://project.supabase.co, KAFKA_BROKERS names broker.example:9092, SCHEMA_REGISTRY_URL names https://registry.example.',
        todo: 'Drop --data-dir, or unset SUPABASE_URL KAFKA_BROKERS SCHEMA_REGISTRY_URL.',
      }),
    )
  })

  test('half an environment', () => {
    expect(() => choose({ env: { SUPABASE_URL: 'http://x', SUPABASE_SERVICE_ROLE_KEY: 'k' } })).toThrow(
      expect.objectContaining({
        message:
          'SUPABASE_URL is set, and KAFKA_BROKERS and SCHEMA_REGISTRY_URL are not; engines of two stacks are not mixed.',
        todo: 'Set KAFKA_BROKERS and SCHEMA_REGISTRY_URL too, or unset SUPABASE_URL.',
      }),
    )
  })
})

test('regression: a database without its key is half an environment', () => {
  expect(() => choose({ needs: ['database'], env: { SUPABASE_URL: 'http://x' } })).toThrow(
    /^SUPABASE_URL is set, and SUPABASE_SERVICE_ROLE_KEY is not/,
  )
})

describe('the name of a stack', () => {
  test('says where it is', () => {
    expect(choose({}).name).toBe('Stack: /srv/stack')
    expect(choose({ running }).name).toBe('Stack: /srv/stack (running, process 42)')
    expect(choose({ needs: ['kafka', 'registry'], env: THERE }).name).toBe(
      'Stack: Kafka broker.example:9092, schema registry https://registry.example (from the environment)',
    )
  })

  test('has no secrets', () => {
    expect(withoutSecrets('postgres://postgres:hunter2@db.example:5432/postgres?password=x')).toBe(
      'postgres://db.example:5432/postgres',
    )
  })
})

test('regression: only what makes a stack has a folder by default, since one that is named contradicts the environment', async () => {
  const all = (await createProgram()).commands.flatMap((command) => [command, ...command.commands])
  const folders = all.flatMap((command) =>
    command.options.filter((o) => o.long === '--data-dir').map((o) => [command.name(), o.defaultValue]),
  )
  expect(folders.length).toBeGreaterThan(10)
  expect(folders.filter(([, folder]) => folder !== undefined)).toEqual([
    ['demo', '.strandline-demo'],
    ['up', '.strandline'],
  ])
})
