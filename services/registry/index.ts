/** A schema registry that Confluent clients take for one, in this process, kept in the compacted topic `_schemas`. Avro only; with STRANDLINE_TOKEN set, that is the password. */
import fastify from 'fastify'
import { pino } from 'pino'
import { answerBrokenRequests, HTTP_OPTIONS } from '../../core/broken-requests.ts'
import type { Config } from '../../core/config.ts'
import { createGuard } from '../../core/http-guard.ts'
import { cannotListen } from '../../core/listen-error.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import type { Logger } from '../../core/logger.ts'
import { portTaken } from '../../core/ports.ts'
import { refuseDeepBodies } from '../../core/request-faults.ts'
import { RegistryError } from './errors.ts'
import { addRegistryRoutes } from './routes.ts'
import { openRegistryStore } from './store.ts'

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json'
/** What Confluent's clients, Redpanda's and curl's users send. Not application/octet-stream, which Confluent's registry takes: no client sends it. */
const MEDIA_TYPES = [MEDIA_TYPE, 'application/vnd.schemaregistry+json', 'application/json']

export interface RegistryOptions {
  brokers: string[]
  /** How to reach them where they want TLS or a password. */
  security?: Omit<Config['kafka'], 'brokers'>
  /** 0: any free port. */
  port: number
  host?: string
  portFlag?: string
  logger?: Logger
}

export interface Registry {
  url: string
  port: number
  stop(): Promise<void>
}

export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const {
    brokers,
    security,
    port,
    host = '127.0.0.1',
    portFlag = '--base-port',
    logger = pino({ level: 'silent' }) as Logger,
  } = options
  const guard = createGuard({ host, mediaTypes: MEDIA_TYPES })
  const log = createKafkaLog({ kafka: { ...security, brokers } }, logger)
  const app = fastify({
    bodyLimit: 8 * 1024 * 1024,
    routerOptions: { maxParamLength: 1000 },
    forceCloseConnections: 'idle',
    http: HTTP_OPTIONS,
    clientErrorHandler: () => {}, // answerBrokenRequests
  })
  answerBrokenRequests(app.server, (error_code, message) => JSON.stringify({ error_code, message }), MEDIA_TYPE)

  app.addHook('onRequest', async ({ raw }, reply) => {
    const refused = guard(raw)
    if (refused?.status === 401) reply.header('www-authenticate', 'Basic realm="schema registry", Bearer')
    if (refused) throw new RegistryError(refused.status, `${refused.message} ${refused.todo}`)
  })
  // The same JSON under several media types; a body of any other does not get here.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => {
    try {
      done(null, body === '' ? null : JSON.parse(body as string))
    } catch {
      done(new RegistryError(400, 'The request body is not JSON.'))
    }
  })
  refuseDeepBodies(app)
  app.addHook('onSend', async (_, reply, payload) => {
    reply.header('content-type', MEDIA_TYPE)
    return payload
  })
  app.setNotFoundHandler((_, reply) => reply.status(404).send({ error_code: 404, message: 'HTTP 404 Not Found' }))
  app.setErrorHandler((error: Error & { statusCode?: number }, _, reply) => {
    if (error instanceof RegistryError)
      return reply.status(error.status).send({ error_code: error.errorCode, message: error.message })
    const status = error.statusCode && error.statusCode < 500 ? error.statusCode : 500
    if (status === 500) logger.error({ err: error }, 'the schema registry could not answer')
    return reply.status(status).send({ error_code: status === 500 ? 50001 : status, message: error.message })
  })

  try {
    addRegistryRoutes(app, await openRegistryStore(log))
    await app.listen({ port, host })
  } catch (error) {
    await log.close()
    throw (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      ? portTaken(port, 'the schema registry', portFlag)
      : (cannotListen(error as NodeJS.ErrnoException, host, port, portFlag) ?? error)
  }
  const address = app.server.address()
  const bound = typeof address === 'object' && address ? address.port : port
  return {
    url: `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host}:${bound}`,
    port: bound,
    async stop() {
      await app.close()
      await log.close()
    },
  }
}
