/** What a person asks of the log, in the process of a command: read it, and answers from what was read. */
import { loadModel } from '../../core/load-model.ts'
import { coefficientsAt } from '../../domain/history/coefficients-at.ts'
import type { Cut } from '../../domain/history/cut.ts'
import { judgedTrades } from '../../domain/verdict/judged-trades.ts'
import { judge } from '../../domain/verdict/verdict.ts'
import { course } from '../../replay/course.ts'
import { difference } from '../../replay/diff.ts'
import { explain } from '../../replay/explain.ts'
import { openHistory } from '../../replay/open-history.ts'
import { verify } from '../../replay/verify.ts'
import { eventStream, NEWEST } from '../generate.ts'
import { openDeps } from './deps.ts'
import { serve } from './serve.ts'

export interface ReplayTask {
  topic: string
  cacheDir: string
}

export interface ReplayTimes {
  events: number
  coefficients: number
  /** Those that are the same to the last bit. */
  identical: number
  /** Seconds. `open` reads the cache and what is new; the answers below it begin with an open history. */
  seconds: Record<'verify' | 'read' | 'open' | 'as_of' | 'explain' | 'history' | 'diff' | 'verdict', number>
}

/** Trades of the verdict, whatever the log holds. */
const JUDGED = 10_000

serve({
  async measure({ topic, cacheDir }: ReplayTask): Promise<ReplayTimes> {
    const { deps, close } = openDeps({ topic })
    const seconds = {} as ReplayTimes['seconds']
    const timed = async <T>(what: keyof ReplayTimes['seconds'], work: () => Promise<T> | T): Promise<T> => {
      const started = performance.now()
      const result = await work()
      seconds[what] = (performance.now() - started) / 1000
      return result
    }
    try {
      const { events, coefficients, identical } = await timed('verify', () => verify(deps))
      await timed('read', () => openHistory({ ...deps, cacheDir }))
      const opened = await timed('open', () => openHistory({ ...deps, cacheDir }))
      const { closed_at } = opened.history.columns()
      const sorted = closed_at.toSorted()
      const at = (share: number): Cut => ({ closedUntil: sorted[Math.floor(sorted.length * share)] })
      const [early, late] = [at(0.5), at(0.75)]
      await timed('as_of', () => coefficientsAt(opened.history, opened.effective(late), opened.model))
      // a lever value that many trades have
      const timeframe = { scope: 'lever', name: 'timeframe', key: '1h' } as const
      await timed('explain', () => explain(opened, timeframe, late, 20))
      await timed('history', () => course(opened, timeframe, late, 200))
      await timed('diff', () => difference(opened, early, late, 40))
      const some = Array.from(eventStream(JUDGED, 'few', 1, NEWEST), (event) => ({ event }))
      const models = ['lowcap-v4', 'lowcap-v5', 'lowcap-return'].map(loadModel)
      await timed('verdict', () => judge(judgedTrades(some), models))
      return { events, coefficients, identical, seconds }
    } finally {
      await close()
    }
  },
})
