import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../core/ports.ts'
import { findProcesses, isAlive } from '../../core/processes.ts'
import { findStack, type StackDescription } from '../../core/stack/stack-file.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import { serviceMarker } from '../../embedded/service-process.ts'
import { freeBasePort, type RunningCommand, runCommand, startCommand } from '../support/strandline.ts'

let root: string
const running: RunningCommand[] = []
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'strandline-up-'))
})
afterAll(async () => {
  for (const { child } of running) child.kill('SIGTERM')
  await Promise.all(running.map(({ ended }) => ended))
  for (const name of ['a', 'b']) for (const pid of leftovers(join(root, name))) process.kill(pid, 'SIGKILL')
  await rm(root, { recursive: true, force: true })
})

/** Engines and services of a folder that still run. */
const leftovers = (dir: string) => [
  ...findProcesses(`-Dstrandline.kafka=${dir}/kafka`),
  ...findProcesses(`-D ${dir}/postgres`),
  ...findProcesses(serviceMarker(dir)),
]

async function up(name: string, base: number, ...more: string[]): Promise<RunningCommand> {
  const command = startCommand(['up', '--data-dir', join(root, name), '--base-port', String(base), ...more])
  running.push(command)
  await command.says('All of it is up')
  return command
}

function stackOf(name: string): StackDescription {
  const stack = findStack(join(root, name))
  if (!stack) throw new Error(`no stack runs in ${name}`)
  return stack
}

/** A bot that is away: `up` does not wait for it, and says so. */
async function awayBot(): Promise<string[]> {
  const passwordFile = join(root, 'password.txt')
  await writeFile(passwordFile, 'secret')
  const url = `http://127.0.0.1:${await freePort()}`
  return ['--freqtrade-url', url, '--freqtrade-username', 'me', '--freqtrade-password-file', passwordFile]
}

const claims = async ({ env }: StackDescription, consumer: string) =>
  createPostgrestStore({ url: env.SUPABASE_URL!, key: env.SUPABASE_SERVICE_ROLE_KEY! }).rpc<{ epoch: number }>(
    'strandline_claim',
    {
      p_consumer: consumer,
      p_topic: 't',
      p_partition: 0,
      p_holder: 'h',
    },
  )

async function schemaIds({ env }: StackDescription): Promise<unknown> {
  return (await fetch(`${env.SCHEMA_REGISTRY_URL}/subjects/pm.position-closed.v1-value/versions/latest`)).json()
}

async function readiness({ services }: StackDescription): Promise<boolean> {
  const answers = await Promise.all(
    Object.values(services).map((url) =>
      fetch(`${url}/readyz`).then(
        (r) => r.ok,
        () => false,
      ),
    ),
  )
  return answers.length === 5 && answers.every(Boolean)
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 100))
}

test('a stack starts, keeps others off its folder, survives every kill, and is found again by the next start', async () => {
  const base = await freeBasePort()
  const first = await up('a', base)
  const stack = stackOf('a')
  // Nobody can cut the power here: that Kafka is told to have a record on disk before it acknowledges it is all that is seen.
  const properties = await readFile(join(root, 'a', 'kafka', 'server.properties'), 'utf8')
  expect(properties).toContain('\nlog.flush.interval.messages=1\n')
  expect(first.stderr()).toMatch(/^Stack: /)
  expect(first.stderr()).toMatch(/eval "\$\(\.\/strandline env --data-dir '.*'\)"/)
  for (const secret of [stack.env.SUPABASE_SERVICE_ROLE_KEY, new URL(stack.env.DATABASE_URL as string).password])
    expect(first.stderr()).not.toContain(secret)
  expect(await readiness(stack)).toBe(true)
  expect(await claims(stack, 'c')).toMatchObject({ epoch: 1 })
  const registered = await schemaIds(stack)
  expect(registered).toMatchObject({ version: 1 })

  // A second one on the same folder, and one on the same ports.
  const second = await runCommand(['up', '--data-dir', join(root, 'a'), '--base-port', String(await freeBasePort())])
  expect(second).toMatchObject({ code: 1, stdout: '' })
  expect(second.stderr.trim()).toMatch(
    new RegExp(
      `^Stack: .*\\nThe data folder .*/a is in use by ./strandline up \\(process ${first.child.pid}\\)\\. .*--data-dir.*$`,
    ),
  )
  const clash = await runCommand(['up', '--data-dir', join(root, 'clash'), '--base-port', String(base)])
  expect(clash.code).toBe(1)
  expect(clash.stderr.trim()).toMatch(/^Stack: .*\nPort \d+, which .* needs, is taken by process \d+ .*--base-port\.$/)

  // Beside it, with its own folder and ports.
  const other = await up('b', await freeBasePort(), ...(await awayBot()))
  expect(other.stderr()).toMatch(/freqtrade is not ready yet: The Freqtrade at http:\S+ cannot be reached: /)
  const { freqtrade = '' } = stackOf('b').services
  expect(await (await fetch(`${freqtrade}/readyz`)).json()).toMatchObject({ service: 'freqtrade', ok: false })
  expect(await claims(stackOf('b'), 'c')).toMatchObject({ epoch: 1 })
  other.child.kill('SIGINT')
  expect((await other.ended).code).toBe(0)
  expect(leftovers(join(root, 'b'))).toEqual([])
  expect(await readiness(stack)).toBe(true)

  // Any part that is killed comes back by itself.
  for (const name of ['learner', 'postgres', 'kafka']) process.kill(stack.pids[name]!, 'SIGKILL')
  await first.says('learner is back')
  await first.says('PostgreSQL is back')
  await first.says('Kafka is back')
  await until(() => readiness(stack))
  expect(stackOf('a').pids.learner).not.toBe(stack.pids.learner)

  // Everything at once, up itself first so that nothing is started again.
  process.kill(first.child.pid!, 'SIGKILL')
  await first.ended
  running.splice(running.indexOf(first), 1)
  for (const pid of leftovers(join(root, 'a'))) process.kill(pid, 'SIGKILL')
  expect(findStack(join(root, 'a'))).toBeUndefined()
  const again = await up('a', base)
  expect(await claims(stackOf('a'), 'c')).toMatchObject({ epoch: 2 })
  expect(await schemaIds(stackOf('a'))).toEqual(registered)

  // Only up itself: its services end with it, its engines are found by the next start.
  const { pids } = stackOf('a')
  process.kill(again.child.pid!, 'SIGKILL')
  await until(() => ['pm', 'learner', 'projector', 'decision', 'page'].every((name) => !isAlive(pids[name]!)))
  expect(isAlive(pids.kafka!) && isAlive(pids.postgres!)).toBe(true)
  running.splice(running.indexOf(again), 1)
  const last = await up('a', base)
  expect(isAlive(pids.kafka!) || isAlive(pids.postgres!)).toBe(false)
  expect(await claims(stackOf('a'), 'c')).toMatchObject({ epoch: 3 })

  last.child.kill('SIGINT')
  expect((await last.ended).code).toBe(0)
  expect(leftovers(join(root, 'a'))).toEqual([])
  running.length = 0
})
