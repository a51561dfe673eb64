/** Hosts one service in a process: HTTP with /healthz, /readyz and /metrics, and an orderly end on SIGTERM, SIGINT or the parent's death. */
import Fastify, { type FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client'
import { explain, StrandlineError } from './errors.ts'
import type { Readiness, Service } from './service.ts'

export interface HostOptions {
  service: Service
  port: number
  /** Loopback unless a container says otherwise (STRANDLINE_HTTP_HOST). */
  host?: string
  /** How a person changes the port. */
  portFlag?: string
  metrics: Registry
  logger: Logger
}

export interface Host {
  url: string
  stop(): Promise<void>
}

/** Whoever asks for the readiness gives up sooner or later: an answer that takes longer is a no. */
const READY_PATIENCE_MS = 4_000

export async function startHost({
  service,
  port,
  host = process.env.STRANDLINE_HTTP_HOST?.trim() || '127.0.0.1',
  portFlag = '--port',
  metrics,
  logger,
}: HostOptions): Promise<Host> {
  const app: FastifyInstance = Fastify({ logger: false, bodyLimit: 1 << 20, forceCloseConnections: true })
  const ready = new Gauge({
    name: 'strandline_ready',
    help: '1 while the service can do its job.',
    labelNames: ['service'],
    registers: [metrics],
  })
  collectDefaultMetrics({ register: metrics })

  /** The sentence of the last no, so that each change is one line of the log. */
  let told: string | undefined
  let started = false
  async function state(): Promise<Readiness> {
    const now = await readiness(service)
    if (!now.ok && now.reason !== told)
      logger[started ? 'warn' : 'debug'](`${service.name} is not ready: ${now.reason}`)
    if (now.ok && (told !== undefined || !started)) logger.info(`${service.name} is ready`)
    started ||= now.ok
    told = now.ok ? undefined : now.reason
    return now
  }

  app.get('/healthz', async () => ({ status: 'ok', service: service.name }))
  app.get('/readyz', async (_request, reply) => {
    const now = await state()
    return reply.code(now.ok ? 200 : 503).send({ service: service.name, ...now })
  })
  app.get('/metrics', async (_request, reply) => {
    ready.set({ service: service.name }, (await state()).ok ? 1 : 0)
    return reply.type(metrics.contentType).send(await metrics.metrics())
  })
  service.routes?.(app)
  try {
    await app.listen({ port, host })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    throw new StrandlineError('PORT_TAKEN', `Port ${port} for ${service.name} is taken by another program.`, {
      todo: `Stop that program, or choose another port with ${portFlag}.`,
      cause,
    })
  }
  const address = app.server.address()
  const url = `http://${host}:${typeof address === 'object' && address ? address.port : port}`
  logger.info({ url }, `${service.name} listens on ${url}`)
  return {
    url,
    async stop() {
      await app.close()
      await service.stop()
    },
  }
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
