/**
 * What PostgREST does on its channel: whoever changes the schema says `notify pgrst, 'reload schema'` (our migrations do, `switch` and `undo` too, and a hosted project's own
 * trigger), and the endpoint reads it anew. A connection of its own listens; when it was lost, something may have been missed.
 */
import pg from 'pg'
import { asPgUrl } from '../../core/store/postgres-url.ts'

const CHANNEL = 'pgrst'
const WORD = 'reload schema'
const AGAIN_MS = 1_000

export interface SchemaListener {
  stop(): Promise<void>
}

/** Resolves once it listens, or once it was tried: it goes on trying. Never throws. */
export async function listenForReload(databaseUrl: string, changed: () => void): Promise<SchemaListener> {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let client: pg.Client | undefined

  async function listen(): Promise<void> {
    const fresh = new pg.Client({
      connectionString: asPgUrl(databaseUrl),
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
    })
    client = fresh
    let over = false
    const again = () => {
      if (over) return
      over = true
      fresh.end().catch(() => {})
      if (stopped) return
      timer = setTimeout(() => void listen().then(changed), AGAIN_MS)
      timer.unref()
    }
    fresh.on('error', again)
    fresh.on('end', again)
    fresh.on('notification', ({ payload }) => {
      if (payload === WORD || payload === '') changed()
    })
    try {
      await fresh.connect()
      await fresh.query(`listen ${CHANNEL}`)
    } catch {
      again()
    }
  }

  await listen()
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await client?.end().catch(() => {})
    },
  }
}
