/** The PM's HTTP side: what it can be asked is services/pm/api/, how it is said and refused core/api/. */
import type { FastifyInstance } from 'fastify'
import type { Api } from '../../core/api/operation.ts'
import { serveApi } from '../../core/api/serve-api.ts'
import { barOperations } from './api/bars.ts'
import { positionOperations } from './api/positions.ts'
import { tradeOperations } from './api/trades.ts'
import type { Portfolio } from './portfolio.ts'

export const pmApi = (pm: Portfolio): Api => ({
  title: 'Strandline: portfolio manager',
  description:
    'Takes what a bot does: positions that open, execute and close, trades that closed elsewhere, and bars of prices. Every closed trade goes into the log once, and what it teaches into the sizes that the decision service answers with.\n\nBodies and answers are JSON. Whatever is sent may be sent again: the same is taken once. 503 means: send it again.',
  operations: [...positionOperations(pm), ...tradeOperations(pm), ...barOperations(pm)],
})

export const pmRoutes = (app: FastifyInstance, pm: Portfolio): void => serveApi(app, pmApi(pm), pm.logger)
