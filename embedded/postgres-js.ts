/**
 * Mends the Postgres driver that lite uses (postgres.js 3.4) as Node loads it. Unmended, a database that goes away takes the process with it, or
 * leaves connections in the pool on which every later request hangs:
 *
 * - a small write waits for the next turn of the event loop; when the connection has closed by then, writing throws where nobody can catch it (its issue
 *   #1208);
 * - closing cancels that turn without forgetting it, and from then on the connection never schedules another one: what is written to it stays there;
 * - a reserved connection that died is given back to the pool as if it were open, and what waits for its turn on it waits for ever;
 * - the pool connects it again at once, for somebody else, while its first holder goes on writing to it and gives it back under the other's hands;
 * - the look-up of array types, which follows a new connection, fails where nobody can catch it.
 *
 * Import this before anything that imports the driver. A driver whose text is not known is refused: it may be mended by then, or broken elsewhere.
 */
import { registerHooks } from 'node:module'
import { StrandlineError } from '../core/errors.ts'

interface Change {
  from: string
  to: string
  times?: number
}

const CHANGES: Record<string, Change[]> = {
  '/postgres/src/connection.js': [
    {
      from: 'const x = socket.write(chunk, fn)',
      to: `if (socket === null) {
      const gone = Errors.connection('CONNECTION_CLOSED', options)
      chunk = nextWriteTimer = null
      error(gone)
      return false
    }
    const x = socket.write(chunk, fn)`,
    },
    {
      from: '    clearImmediate(nextWriteTimer)\n',
      to: '    clearImmediate(nextWriteTimer)\n    chunk = nextWriteTimer = null\n',
      times: 2,
    },
    { from: 'return fetchArrayTypes()', to: 'return fetchArrayTypes().catch(() => { needsTypes = true })' },
    { from: '    count: 0,\n', to: '    count: 0,\n    get dead() { return socket === null },\n' },
  ],
  '/postgres/src/index.js': [
    {
      from: '      c.reserved = null\n      onopen(c)\n',
      to: '      if (lost) return\n      c.reserved = c.onclose = null\n      c.dead ? onclose(c) : onopen(c)\n',
    },
    {
      from: '    c.reserved.release = true\n',
      to: '    c.reserved.release = true\n    let lost = false\n    c.onclose = e => { lost = true; while (queue.length) queue.shift().reject(e) }\n',
    },
    {
      from: '    function handler(q) {\n      c.queue === full\n        ? queue.push(q)\n        : c.execute(q) || move(c, full)\n',
      to: `    function handler(q) {
      lost || c.dead
        ? q.reject(Errors.connection('CONNECTION_CLOSED', options))
        : c.queue === full
          ? queue.push(q)
          : c.execute(q) || move(c, full)
`,
    },
  ],
}

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    const file = Object.keys(CHANGES).find((f) => url.endsWith(f))
    if (!file || !loaded.source) return loaded
    let text = loaded.source.toString()
    for (const { from, to, times = 1 } of CHANGES[file]!) {
      const parts = text.split(from)
      if (parts.length !== times + 1)
        throw new StrandlineError('ENGINE_FAILED', `${url} is not the driver that embedded/postgres-js.ts mends.`, {
          todo: 'Install the locked version: npm ci.',
        })
      text = parts.join(to)
    }
    return { ...loaded, source: text }
  },
})
