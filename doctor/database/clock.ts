/** The database's clock beside this machine's. */
import { judgeClock, type Skew } from '../clocks.ts'
import type { Finding } from '../finding.ts'
import type { Ask } from './read-only.ts'

/** @returns by how much the database is ahead of us: somewhere between the two, since the answer took its time. Milliseconds. */
export async function inspectDatabaseClock(ask: Ask, now: () => number): Promise<Skew> {
  let best: Skew | undefined
  for (let i = 0; i < 3; i++) {
    const sent = now()
    const [row] = await ask<{ ms: number }>(
      'select extract(epoch from clock_timestamp())::double precision * 1000 as ms',
    )
    const received = now()
    const skew = { least: row!.ms - received, most: row!.ms - sent }
    if (!best || skew.most - skew.least < best.most - best.least) best = skew
  }
  return best!
}

export const judgeDatabaseClock = (skew: Skew): Finding[] => judgeClock('The database’s clock', 'this machine’s', skew)
