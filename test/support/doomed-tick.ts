/**
 * A process of its own: a tick of the 15m trades that comes to score one of them again, says so on standard output, and goes no further. Whoever started it kills it
 * there. Arguments: Supabase URL, key, and whether it stops before that transaction is sent or after it has been done.
 */
import { pino } from 'pino'
import { systemClock } from '../../core/clock.ts'
import { createPostgrestStore } from '../../core/store/postgrest-store.ts'
import { portfolioStores, tick } from '../../services/pm/index.ts'

const [url, key, where] = process.argv.slice(2) as [string, string, 'before' | 'after']
const stores = portfolioStores(createPostgrestStore({ url, key }))
const logger = pino({ level: 'silent' })
setInterval(() => {}, 60_000) // it does not end by itself
await tick(
  {
    ...stores,
    positions: {
      ...stores.positions,
      async scoreLate(...score) {
        if (where === 'after') await stores.positions.scoreLate(...score)
        process.stdout.write(`${where}\n`)
        return new Promise(() => {})
      },
    },
    clock: systemClock,
    logger,
    relay: { id: `doomed-${process.pid}`, leaseMs: 500, offer: () => {} },
  },
  '15m',
)
