/** A short attack in every test run; a long one is `./strandline torture --minutes 10`. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { findProcesses } from '../../core/processes.ts'
import { findFaketime } from '../../torture/clock.ts'
import type { TortureReport } from '../../torture/report.ts'
import { PATIENCE_MS } from '../support/patience.ts'
import { runCommand, startCommand } from '../support/strandline.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'strandline-tortured-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

/** Two minutes have forty faults of nearly every kind; without libfaketime, or where no disk can be mounted, of fewer kinds. */
test('under a plan of faults nothing is lost, double or wrong', async () => {
  const args = ['torture', '--minutes', '2', '--profile', 'quick', '--seed', '191981', '--json']
  const { code, stdout, stderr } = await runCommand(args, { env: { TMPDIR: dir } })
  const report = JSON.parse(stdout) as TortureReport
  expect(report, stderr).toMatchObject({ verdict: 'pass', reasons: [], lost: 0, double: 0, wrong: 0 })
  expect(Object.keys(report.faults)).toEqual(
    expect.arrayContaining(['kill_learner', 'kill_kafka', 'kill_postgres', 'state_restored', 'topic_grows']),
  )
  if (!findFaketime()) expect(report.left_out).toContain('clock_ahead_projector')
  expect(report).toMatchObject({
    seed: 191981,
    events: expect.any(Number),
    closed: expect.any(Number),
    recovery_ms: { p50: expect.any(Number), p99: expect.any(Number) },
  })
  expect(report.in_log).toBeGreaterThan(100)
  expect(report.applied).toBe(report.in_log)
  expect(report.dead_letters.expected).toBeGreaterThan(0)
  expect({ code, left: await readdir(dir) }).toEqual({ code: 0, left: [] })
}, 1_200_000)

test('Ctrl-C ends everything that it started, and removes the folder', async () => {
  const torture = startCommand(['torture', '--profile', 'quick', '--seed', '1'], { env: { TMPDIR: dir } })
  await torture.says('Kafka and PostgreSQL are up')
  const [folder] = await readdir(dir)
  torture.child.kill('SIGINT')
  const { code } = await torture.ended
  expect({ code, left: await readdir(dir) }).toEqual({ code: 130, left: [] })
  expect(findProcesses(`-Dstrandline.kafka=${join(dir, folder!, 'kafka')}`)).toEqual([])
  expect(findProcesses(`-D ${join(dir, folder!, 'postgres', 'cluster')}`)).toEqual([])
  expect(findProcesses(`--child-of ${join(dir, folder!)}`)).toEqual([])
}, 600_000)

test('SIGKILL of the run, in the midst of its faults, leaves nothing behind', async () => {
  const args = ['torture', '--minutes', '10', '--profile', 'quick', '--seed', '1', '--faults', 'freeze_learner']
  const torture = startCommand(args, { env: { TMPDIR: dir } })
  await torture.says('freeze_learner (learner-')
  const folder = join(dir, (await readdir(dir))[0]!)
  const parts = () =>
    [
      `-Dstrandline.kafka=${join(folder, 'kafka')}`,
      `-D ${join(folder, 'postgres', 'cluster')}`,
      `--child-of ${folder}`,
    ].map((argument) => findProcesses(argument).length)
  expect(parts()).toEqual([1, 1, 7])
  torture.child.kill('SIGKILL')
  await torture.ended
  await vi.waitFor(async () => expect([parts(), await readdir(dir)]).toEqual([[0, 0, 0], []]), {
    timeout: PATIENCE_MS,
    interval: 200,
  })
}, 600_000)

test.each([
  [['--faults', 'kill_everything'], /There is no fault 'kill_everything'. See \.\/strandline torture --list/],
  [['--minutes', '0'], /--minutes is 0/],
])('%j is wrong usage', async (args, sentence) => {
  const { code, stderr } = await runCommand(['torture', ...args], { env: { TMPDIR: dir } })
  expect({ code, left: await readdir(dir) }).toEqual({ code: 2, left: [] })
  expect(stderr).toMatch(sentence)
})
