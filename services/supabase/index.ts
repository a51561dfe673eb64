/** `@supabase/lite` over a PostgreSQL, served on the loopback interface: what supabase-js talks to. Only the REST part is on. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { App } from '@supabase/lite'
import { answerBrokenRequests, HTTP_OPTIONS } from '../../core/broken-requests.ts'
import { cannotListen } from '../../core/listen-error.ts'
import { portTaken } from '../../core/ports.ts'
import { createConnection } from './connection.ts'
import { createDoor } from './door.ts'
import { listenForReload } from './schema-reload.ts'

export interface SupabaseOptions {
  /** As a role that may only become anon, authenticated or service_role. */
  databaseUrl: string
  /** 0: any free port. */
  port: number
  /** sb_secret_…: whoever shows it acts as service_role. */
  serviceRoleKey: string
  /** Connections to PostgreSQL; requests beyond wait. */
  poolSize?: number
  /** Milliseconds that PostgreSQL's answer is waited for. */
  timeoutMs?: number
  /** Loopback unless a container says otherwise. */
  host?: string
  portFlag?: string
}

export interface Supabase {
  url: string
  port: number
  stop(): Promise<void>
}

export async function startSupabase(options: SupabaseOptions): Promise<Supabase> {
  const {
    databaseUrl,
    serviceRoleKey,
    poolSize = 20,
    timeoutMs,
    host = '127.0.0.1',
    portFlag = '--base-port',
  } = options
  const connection = createConnection(databaseUrl, poolSize, timeoutMs)
  const app = new App({
    connection,
    api: { enabled: true, schemas: ['public'], max_rows: 1000 },
    auth: { enabled: false, secret_key: serviceRoleKey },
    storage: { enabled: false },
    options: { server: { disableStudio: true } },
  })
  await app.init()
  await connection.introspect() // once it has been read, no request fails for want of it
  const listener = await listenForReload(databaseUrl, connection.schemaChanged)
  const server = await listen(app, serviceRoleKey, options.port, host, portFlag).catch(async (error) => {
    await listener.stop()
    throw error
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : options.port
  return {
    url: `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host}:${port}`,
    port,
    async stop() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
        // A client that keeps its connection busy must not keep us.
        setTimeout(() => server.closeAllConnections(), 2_000).unref()
      })
      await listener.stop()
      await connection.close()
    },
  }
}

/** Everything that is refused is refused before lite, and before it is even made a request of. */
function listen(app: App, serviceRoleKey: string, port: number, host: string, portFlag: string): Promise<Server> {
  const door = createDoor(serviceRoleKey, host)
  const pass = getRequestListener((request, env) =>
    door.isHealth(request.url)
      ? health(app)
      : quietly(() =>
          app.fetch(request, { peerAddress: 'incoming' in env ? (env.incoming.socket.remoteAddress ?? null) : null }),
        ),
  )
  return new Promise((resolve, reject) => {
    const refusal = (message: string, code: string) => JSON.stringify({ code, message, details: null, hint: null })
    const server = createServer(HTTP_OPTIONS, (request, response) => {
      const refused = door.refusal(request)
      if (!refused) return void pass(request, response)
      response.writeHead(refused.status, { 'content-type': 'application/json', connection: 'close' })
      response.end(refusal(refused.message, refused.code))
    })
    answerBrokenRequests(server, (_, message) => refusal(message, 'PGRST125'))
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? portTaken(port, 'Supabase', portFlag)
          : (cannotListen(error, host, port, portFlag) ?? error),
      ),
    )
    server.listen(port, host, () => resolve(server))
  })
}

async function health(app: App): Promise<Response> {
  const answers = await app.connection.ping().catch(() => false)
  return Response.json({ status: answers ? 'ok' : 'no answer from PostgreSQL' }, { status: answers ? 200 : 503 })
}

const answering = new AsyncLocalStorage<true>()
let quiet = false

/** lite prints every error that it answers a client with. The client has it; our terminal is for what concerns its reader. */
function quietly<T>(work: () => T): T {
  if (!quiet) {
    quiet = true
    const { error } = console
    console.error = (...args) => {
      if (!answering.getStore()) error(...args)
    }
  }
  return answering.run(true, work)
}
