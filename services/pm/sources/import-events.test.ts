import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { systemClock } from '../../../core/clock.ts'
import { StrandlineError } from '../../../core/errors.ts'
import { createLogger } from '../../../core/logger.ts'
import type { ServiceDeps } from '../../../core/service.ts'
import { closedTrade } from '../../../test/support/closed-trade.ts'
import { importEvents } from './import-events.ts'

test('a database that dies in the middle: the error says that it may be run again', async () => {
  const store = {
    async rpc(fn: string) {
      if (fn === 'strandline_pm_now') return Date.now()
      throw new StrandlineError('STORE_UNREACHABLE', 'The database does not answer.', { todo: 'Start it.' })
    },
  }
  const deps = { store, clock: systemClock, logger: createLogger({ level: 'silent' }), metrics: new Registry() }
  await expect(
    importEvents({ ...deps, config: { topic: 't' }, log: {}, codec: {} } as unknown as ServiceDeps, [closedTrade()]),
  ).rejects.toThrow(
    expect.objectContaining({
      code: 'STORE_UNREACHABLE',
      message: 'The database does not answer.',
      todo: 'Start it. Then run the import again: nothing is counted twice.',
    }),
  )
})
