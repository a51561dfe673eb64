/** Hosts one service in a process: HTTP with /healthz, /readyz and /metrics, and an orderly end on SIGTERM, SIGINT or the parent's death. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import Fastify, { type FastifyInstance, type FastifyServerFactory } from 'fastify'
import type { Logger } from 'pino'
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client'
import { answerBrokenRequests, HTTP_OPTIONS } from './broken-requests.ts'
import { explain, StrandlineError } from './errors.ts'
import { createGuard } from './http-guard.ts'
import { cannotListen } from './listen-error.ts'
import type { Liveness } from './liveness.ts'
import { errorBody } from './refusal.ts'
import { answerFault, answerUnknownPaths, refuseDeepBodies } from './request-faults.ts'
import type { Readiness, Service } from './service.ts'

export interface HostOptions {
  /** Of the service. */
  name: string
  port: number
  /** Loopback unless a container says otherwise (STRANDLINE_HTTP_HOST). */
  host?: string
  /** How a person changes the port. */
  portFlag?: string
  metrics: Registry
  logger: Logger
  liveness?: Liveness
  /** Further paths that need no token: what is there for everyone to read. */
  open?: readonly string[]
}

export interface Host {
  url: string
  /** Why the service has not started yet: /readyz says so until it is served. */
  waits(reason: string): void
  /** The service has started: from now on its routes answer. Whoever stops the host stops it, too. */
  serve(service: Service): Promise<void>
  stop(): Promise<void>
}

/** What a service is and how it is asked is no secret, and a browser sends no token. */
const OPEN_PATHS = ['/healthz', '/openapi.json', '/docs']
/** Whoever asks for the readiness gives up sooner or later: an answer that takes longer is a no. */
const READY_PATIENCE_MS = 4_000

/** A host of a service that has started. */
export async function startHost({
  service,
  ...options
}: Omit<HostOptions, 'name'> & { service: Service }): Promise<Host> {
  const host = await openHost({ name: service.name, ...options })
  await host.serve(service)
  return host
}

/**
 * Takes the port before anything is started behind it: a service must not join its group and then find that its port is taken. Until it is served,
 * /healthz answers 200, everything else 503.
 * Errors: PORT_TAKEN; CONFIG_INVALID where the host is beyond loopback and no token is set, or cannot be listened on.
 */
export async function openHost({
  name,
  port,
  host = process.env.STRANDLINE_HTTP_HOST?.trim() || '127.0.0.1',
  portFlag = '--port',
  metrics,
  logger,
  liveness,
  open = [],
}: HostOptions): Promise<Host> {
  let reason = `${name} is starting.`
  let answer = (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url?.split('?')[0]
    const asked = path === '/healthz' ? health(name, liveness, 'starting') : undefined
    response.writeHead(asked?.status === 'starting' ? 200 : 503, { 'content-type': 'application/json' })
    const notYet =
      path === '/readyz' ? { service: name, ok: false, reason } : errorBody('NOT_READY', reason, 'Send it again later.')
    response.end(JSON.stringify(asked ?? notYet))
  }
  const guard = createGuard({ host, open: [...OPEN_PATHS, ...open] })
  const server = createServer(HTTP_OPTIONS, (request, response) => {
    const refused = guard(request)
    if (!refused) return answer(request, response)
    response.writeHead(refused.status, { 'content-type': 'application/json', connection: 'close' })
    response.end(JSON.stringify(errorBody('REQUEST_REFUSED', refused.message, refused.todo)))
  })
  answerBrokenRequests(server, refusal)
  await listen(server, port, host, name, portFlag)
  const address = server.address()
  const url = `http://${host}:${typeof address === 'object' && address ? address.port : port}`
  logger.info({ url }, `${name} listens on ${url}`)

  const stops: (() => Promise<unknown>)[] = []
  return {
    url,
    waits(why) {
      reason = why
    },
    async serve(service) {
      stops.push(() => service.stop())
      const app = createApp(service, metrics, logger, liveness, (handler) => {
        answer = handler
        return server
      })
      stops.push(() => app.close())
      await app.ready()
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      for (const stop of stops.reverse()) await stop()
    },
  }
}

const refusal = (_status: number, message: string) => JSON.stringify(errorBody('REQUEST_REFUSED', message))

function listen(server: Server, port: number, host: string, name: string, portFlag: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const todo = `Stop that program, or choose another port with ${portFlag}.`
      const taken = `Port ${port} for ${name} is taken by another program.`
      reject(
        cause.code === 'EADDRINUSE'
          ? new StrandlineError('PORT_TAKEN', taken, { todo, cause })
          : (cannotListen(cause, host, port, portFlag) ?? cause),
      )
    })
    server.listen(port, host, resolve)
  })
}

function health(service: string, liveness: Liveness | undefined, well: string) {
  const reason = liveness?.failure() ?? null
  return reason === null ? { status: well, service } : { status: 'failed', service, reason }
}

function createApp(
  service: Service,
  metrics: Registry,
  logger: Logger,
  liveness: Liveness | undefined,
  serverFactory: FastifyServerFactory,
): FastifyInstance {
  const app: FastifyInstance = Fastify({
    logger: false,
    bodyLimit: 1 << 20,
    serverFactory,
    frameworkErrors: answerFault(logger),
    clientErrorHandler: () => {}, // the server's own answers
    // As long as a request line may be; the default of 100 answers 404 to ids that exist.
    routerOptions: { maxParamLength: 16_384 },
  })
  app.setErrorHandler(answerFault(logger))
  answerUnknownPaths(app)
  refuseDeepBodies(app)
  const ready = new Gauge({
    name: 'strandline_ready',
    help: '1 while the service can do its job.',
    labelNames: ['service'],
    registers: [metrics],
  })
  collectDefaultMetrics({ register: metrics })

  /** The sentence of the last no, so that each change is one line of the log. */
  let loggedReason: string | undefined
  let started = false
  async function state(): Promise<Readiness> {
    const now = await readiness(service)
    if (!now.ok && now.reason !== loggedReason)
      logger[started ? 'warn' : 'debug'](`${service.name} is not ready: ${now.reason}`)
    if (now.ok && (loggedReason !== undefined || !started)) logger.info(`${service.name} is ready`)
    started ||= now.ok
    loggedReason = now.ok ? undefined : now.reason
    return now
  }

  app.get('/healthz', async (_request, reply) => {
    const now = health(service.name, liveness, 'ok')
    return reply.code(now.status === 'ok' ? 200 : 503).send(now)
  })
  app.get('/readyz', async (_request, reply) => {
    const now = await state()
    return reply.code(now.ok ? 200 : 503).send({ service: service.name, ...now })
  })
  app.get('/metrics', async (_request, reply) => {
    ready.set({ service: service.name }, (await state()).ok ? 1 : 0)
    return reply.type(metrics.contentType).send(await metrics.metrics())
  })
  service.routes?.(app)
  return app
}

async function readiness(service: Service): Promise<Readiness> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Readiness>((resolve) => {
    const reason = `What ${service.name} needs has not answered for ${READY_PATIENCE_MS / 1000} s.`
    timer = setTimeout(() => resolve({ ok: false, reason }), READY_PATIENCE_MS)
  })
  try {
    return await Promise.race([service.ready(), late])
  } catch (error) {
    return { ok: false, reason: explain(error) }
  } finally {
    clearTimeout(timer)
  }
}

/** Runs `stop` once on SIGTERM or SIGINT, or when the process that started this one is gone; then exits. A second signal exits at once. */
export function stopOnSignals(stop: () => Promise<void>, logger: Logger): void {
  let stopping = false
  const end = (why: string) => {
    if (stopping) process.exit(1)
    stopping = true
    logger.info(`stopping: ${why}`)
    stop().then(
      () => process.exit(0),
      (error) => {
        logger.error({ err: error }, `stopping failed: ${explain(error)}`)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', () => end('SIGTERM'))
  process.on('SIGINT', () => end('SIGINT'))
  if (process.send) process.on('disconnect', () => end('the stack is gone'))
}
