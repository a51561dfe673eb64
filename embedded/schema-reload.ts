/**
 * What PostgREST does on its channel: whoever changes the schema says `notify pgrst, 'reload schema'` (our migrations do, `switch` and `undo` too, and a hosted project's own
 * trigger), and the endpoint reads it anew. A connection of its own listens; when it was lost, something may have been missed.
 */
import pg from 'pg'

const CHANNEL = 'pgrst'
const WORD = 'reload schema'
const AGAIN_MS = 1_000
/** A reading of the schema that was under way when the word came may end with the old one. */
const ONCE_MORE_MS = 1_000

export interface SchemaListener {
  stop(): Promise<void>
}

/** Resolves once it listens, or once it was tried: it goes on trying. Never throws. */
export async function listenForReload(databaseUrl: string, reload: () => unknown): Promise<SchemaListener> {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let client: pg.Client | undefined

  function heard(): void {
    reload()
    setTimeout(reload, ONCE_MORE_MS).unref()
  }

  async function listen(): Promise<void> {
    const fresh = new pg.Client({ connectionString: databaseUrl, keepAlive: true, connectionTimeoutMillis: 10_000 })
    client = fresh
    let over = false
    const again = () => {
      if (over) return
      over = true
      fresh.end().catch(() => {})
      if (stopped) return
      timer = setTimeout(() => void listen().then(heard), AGAIN_MS)
      timer.unref()
    }
    fresh.on('error', again)
    fresh.on('end', again)
    fresh.on('notification', ({ payload }) => {
      if (payload === WORD || payload === '') heard()
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
