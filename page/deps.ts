/** What the answers of the page are made from. */
import type { ServiceDeps } from '../core/service.ts'
import type { Histories } from './histories.ts'
import type { Jobs } from './jobs/jobs.ts'
import type { LoopWatch } from './loop/watch-loop.ts'
import type { Rebuilds } from './models/rebuilds.ts'

export interface PageDeps extends ServiceDeps {
  histories: Histories
  jobs: Jobs
  loop: LoopWatch
  rebuilds: Rebuilds
  /** It may change things. */
  operate: boolean
}
