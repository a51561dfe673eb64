/** A run of a backfill: how far it is, and what moves it. Kept in the database, or in this process where nothing may be written. */
import { StrandlineError } from '../../../core/errors.ts'
import { createTradeNames } from '../../../domain/foreign/trade-names.ts'
import { emptyReport, noteUnusable } from './backfill-report.ts'
import type { BackfillStep, BackfillStore, RunState, SourceTrade } from './backfill-store.ts'

export interface Run {
  resumed: boolean
  state: RunState
  /** Takes the trades and moves the run behind them. false: the run is elsewhere, `state` says where. */
  step(trades: SourceTrade[], to: BackfillStep['to']): Promise<boolean>
  /** The newest row of the outbox that may be one of them. */
  end(): Promise<number | null>
}

/** A run that the database keeps. @param since ms */
export async function beginRun(store: BackfillStore, owner: string, since: number | undefined): Promise<Run> {
  const begun = await store.begin(owner, since === undefined ? '' : new Date(since).toISOString())
  const holder = { run: begun.run, owner }
  const run: Run = {
    resumed: begun.resumed,
    state: begun.state,
    async step(trades, to) {
      const answer = await store.step(holder, { from: run.state, to, trades })
      if (answer.status === 'fenced') throw fenced()
      if (answer.status === 'stale') {
        run.state = answer.state // the answer of a step was lost: it was taken
        return false
      }
      const report = structuredClone(to.report)
      for (const example of answer.refused) noteUnusable(report, example)
      const { published, known } = run.state
      run.state = { ...to, report, published: published + answer.published, known: known + answer.known }
      return true
    },
    async end() {
      const lastOutbox = await store.end(holder, run.state.report)
      if (lastOutbox === null) throw fenced()
      return lastOutbox
    },
  }
  return run
}

const fenced = () =>
  new StrandlineError('STACK_BUSY', 'Another backfill has taken over.', {
    todo: 'It goes on where this one was; wait for its end.',
  })

/** Counts as a run would: what it would publish is known from then on, by either name. */
export function dryRun(store: BackfillStore): Run {
  const published = new Set<string>()
  const nameOf = createTradeNames()
  const start = { source: 'strands', after: null, visited: 0, published: 0, known: 0 } as const
  const run: Run = {
    resumed: false,
    state: { ...start, report: emptyReport() },
    async step(trades, to) {
      const events = trades.map((t) => t.event)
      const known = new Set(events.length === 0 ? [] : await store.known(events))
      const state = { ...run.state, ...to }
      for (const [i, event] of events.entries()) {
        const name = nameOf(event)
        if (known.has(i) || published.has(name)) state.known++
        else state.published++
        published.add(name)
      }
      run.state = state
      return true
    },
    end: async () => null,
  }
  return run
}
