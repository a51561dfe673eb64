import { expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { StrandlineError } from '../../core/errors.ts'
import type { Rebuilt } from '../../services/learner/rebuild.ts'
import type { RebuildProgress } from '../jobs/jobs.ts'
import { createRebuilds } from './rebuilds.ts'

const VERSION = { name: 'lowcap-v5', hash: '60567b833ae3', build: 1, topic: 'trades' }

/** A rebuild that goes on until it is told how it ends; given up, it ends incomplete, as one does. */
function oneAtATime() {
  let heard: (progress: RebuildProgress) => void = () => undefined
  let end: (complete: boolean) => void = () => undefined
  let fail: (error: unknown) => void = () => undefined
  const rebuilds = createRebuilds(
    {
      rebuild: (_options, hear, signal) => {
        heard = hear
        return new Promise<Rebuilt>((resolve, reject) => {
          end = (complete) => resolve({ ...VERSION, begun: false, active: false, complete, sums_of: null })
          fail = reject
          signal.addEventListener('abort', () => end(false))
        })
      },
    },
    systemClock,
  )
  return {
    rebuilds,
    hear: (progress: RebuildProgress) => heard(progress),
    end: (complete: boolean) => end(complete),
    fail: (error: unknown) => fail(error),
  }
}

test('it answers when it is known which version is rebuilt, says how far it is, and how it ended', async () => {
  const { rebuilds, hear, end } = oneAtATime()
  const beginning = rebuilds.begin('lowcap-v5')
  hear({ version: VERSION })
  expect((await beginning).running).toMatchObject({ model: 'lowcap-v5', version: VERSION, applied: null })
  hear({ waiting: 'The learner has stood still for 20 s.' })
  expect(rebuilds.state().running).toMatchObject({ waiting: 'The learner has stood still for 20 s.' })
  hear({ applied: 7, total: 9 })
  expect(rebuilds.state().running).toMatchObject({ applied: 7, total: 9, waiting: null })
  end(true)
  await expect.poll(() => rebuilds.state().running).toBe(null)
  expect(rebuilds.state().last).toMatchObject({ result: { ...VERSION, complete: true, records: 7 } })
})

test('one at a time; given up, it can be begun again', async () => {
  const { rebuilds, hear } = oneAtATime()
  const beginning = rebuilds.begin(undefined)
  hear({ version: VERSION })
  await beginning
  await expect(rebuilds.begin('lowcap-v4')).rejects.toMatchObject({
    code: 'MODEL_IN_USE',
    message: 'lowcap-v5 is being rebuilt by this page.',
  })
  expect(rebuilds.giveUp().running).toMatchObject({ stopping: true })
  await expect.poll(() => rebuilds.state()).toMatchObject({ running: null, last: { result: { complete: false } } })
  expect(() => rebuilds.giveUp()).toThrow('This page rebuilds nothing.')
  const again = rebuilds.begin(undefined)
  hear({ version: VERSION })
  expect((await again).running).toMatchObject({ stopping: false })
  await rebuilds.stop()
  expect(rebuilds.state().running).toBe(null)
})

test('what cannot begin is refused, and what fails later is said', async () => {
  const { rebuilds, hear, fail } = oneAtATime()
  const beginning = rebuilds.begin('nonsense')
  fail(new StrandlineError('USAGE', 'There is no such model.', { todo: 'Name another one.' }))
  await expect(beginning).rejects.toThrow('There is no such model.')
  const other = rebuilds.begin('lowcap-v5')
  hear({ version: VERSION })
  await other
  fail(new Error('a stack trace'))
  await expect
    .poll(() => rebuilds.state().last)
    .toMatchObject({ error: { code: 'INTERNAL', message: 'The rebuild failed.', todo: null } })
})
