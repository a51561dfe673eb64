/** The page: what the loop does and what it has learned, for people. Its data comes through an HTTP API, which answers what the commands print with --json. */
import { serveApi } from '../core/api/serve-api.ts'
import { StrandlineError } from '../core/errors.ts'
import { readToken } from '../core/http-guard.ts'
import type { Service, ServiceDeps, StartService } from '../core/service.ts'
import { pageApi } from './api.ts'
import { loadAssets } from './assets.ts'
import { createHistories } from './histories.ts'
import { createJobs } from './jobs/jobs.ts'
import { serveLive } from './live.ts'
import { watchLoop } from './loop/watch-loop.ts'
import { createRebuilds } from './models/rebuilds.ts'
import { serveAssets } from './serve-assets.ts'

const ASSETS = loadAssets()
/** The page itself holds no secret: a browser sends the token, which a person types into it, with what it asks for. */
export const OPEN_PATHS: readonly string[] = [...ASSETS.keys()]

export interface PageOptions {
  /** It may change things: with the token alone. */
  operate: boolean
}

/** Errors: CONFIG_INVALID for --operate without a token. */
export function requireTokenToOperate({ operate }: PageOptions, env: Record<string, string | undefined>): void {
  if (operate && !readToken(env))
    throw new StrandlineError('CONFIG_INVALID', '--operate lets the page change things, and no token is set.', {
      todo: 'Set STRANDLINE_TOKEN to a secret of at least 16 characters, or name a file that holds it with --token-file.',
    })
}

export const createPage =
  ({ operate }: PageOptions): StartService =>
  async (deps: ServiceDeps): Promise<Service> => {
    const { config, log, store, clock, logger, liveness } = deps
    const histories = createHistories({ store, log, config, clock })
    const jobs = createJobs(config)
    const rebuilds = createRebuilds(jobs, clock)
    const loop = watchLoop({ config, store, log, clock, liveness }, { histories, jobs })
    return {
      name: 'page',
      async ready() {
        const reason = loop.failure()
        return reason === null ? { ok: true } : { ok: false, reason }
      },
      routes(app) {
        serveAssets(app, ASSETS)
        serveLive(app, loop)
        serveApi(app, pageApi({ ...deps, histories, jobs, loop, rebuilds, operate }), logger)
      },
      async stop() {
        await loop.stop()
        await rebuilds.stop()
        await jobs.stop()
        await histories.stop()
      },
    }
  }
