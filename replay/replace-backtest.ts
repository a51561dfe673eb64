/** What a backtest that is imported changes of an earlier run of it, by the log: that has every revision, also those that the outbox has let go. */
import { findStrandlineError } from '../core/errors.ts'
import type { ServiceDeps } from '../core/service.ts'
import type { PositionClosed } from '../domain/event.ts'
import { type BacktestRun, type Replacement, replacementOf, speaksFor } from '../domain/foreign/freqtrade-backtest.ts'
import { newestEvents } from './revise.ts'

const PAGE = 1_000

/** Nothing is published yet. Errors: those of log and registry. */
export async function replacementIn(
  deps: Pick<ServiceDeps, 'log' | 'config'>,
  { events, runs }: { events: readonly PositionClosed[]; runs: readonly BacktestRun[] },
  by: string,
): Promise<Replacement> {
  return replacementOf(events, await knownOf(deps, events, runs), runs, by)
}

async function knownOf(
  deps: Pick<ServiceDeps, 'log' | 'config'>,
  events: readonly PositionClosed[],
  runs: readonly BacktestRun[],
): Promise<PositionClosed[]> {
  const ids = new Set(events.map((event) => event.event_id))
  const wanted = (event: PositionClosed) => ids.has(event.event_id) || runs.some((run) => speaksFor(run, event))
  try {
    const found = await newestEvents(deps, wanted)
    const known: PositionClosed[] = []
    for (let at = 0; at < found.count; at += PAGE) known.push(...(await found.page(at, PAGE)))
    return known
  } catch (error) {
    if (findStrandlineError(error)?.code === 'LOG_TOPIC_MISSING') return [] // nothing was ever published
    throw error
  }
}
