/** An engine that goes must not take the process along. */
import type { Guard } from '../guard.ts'

export const ENGINES: Guard[] = [
  {
    name: 'an error of an idle connection is heard',
    without: 'a connection that PostgreSQL ends, while nobody uses it, ends the process',
    out: [{ file: 'core/store/postgres-store.ts', find: "  pool.on('error', () => {})\n", by: '' }],
    tests: [
      {
        file: 'test/store/contract.int.test.ts',
        name: 'a connection that PostgreSQL ends while nobody uses it ends no process',
      },
    ],
    schedules: 0,
    note: 'the memory stores have no connections',
    torture: { faults: ['end_sessions', 'crash_backend', 'crash_postgres'], seed: 1 },
  },
]
