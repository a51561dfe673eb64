/** What moves, as the server says it: server-sent events, read by fetch so that the token goes along. */
import { useEffect, useState } from 'preact/hooks'
import { Refused, refusalIn, tokenHeaders } from './api.ts'
import { eventsIn } from './events.ts'

export interface Live<T> {
  value: T | undefined
  /** Why nothing comes now; undefined: it does. */
  error: Refused | undefined
}

const AGAIN_MS = 1_000
/** The server says something every second: after so long it is away, whatever the connection looks like. */
const SILENCE_MS = 8_000

/** The newest event of this name; the connection is made again whenever it breaks. */
export function useLive<T>(path: string, name: string): Live<T> {
  const [state, set] = useState<Live<T>>({ value: undefined, error: undefined })
  useEffect(() => {
    const ending = new AbortController()
    const run = async () => {
      while (!ending.signal.aborted) {
        try {
          await listen(path, ending.signal, (event, data) => {
            if (event === name) set({ value: JSON.parse(data) as T, error: undefined })
          })
        } catch (error) {
          if (ending.signal.aborted) return
          const refused = error instanceof Refused ? error : away()
          set((before) => ({ value: before.value, error: refused }))
        }
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
      }
    }
    void run()
    return () => ending.abort()
  }, [path, name])
  return state
}

const away = () =>
  new Refused(
    0,
    'AWAY',
    'The page’s server does not answer.',
    'What is shown is of before. It is asked again every second.',
  )

/** Resolves when the stream ends; errors: Refused, and what fetch throws. */
async function listen(path: string, signal: AbortSignal, heard: (event: string, data: string) => void): Promise<void> {
  const silent = new AbortController()
  let timer = setTimeout(() => silent.abort(), SILENCE_MS)
  try {
    const response = await fetch(path, { headers: tokenHeaders(), signal: AbortSignal.any([signal, silent.signal]) })
    if (!response.ok || !response.body) throw refusalIn(response.status, await response.text())
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    let rest = ''
    for (;;) {
      const { done, value } = await reader.read()
      if (done) throw away()
      clearTimeout(timer)
      timer = setTimeout(() => silent.abort(), SILENCE_MS)
      const found = eventsIn(rest + value)
      rest = found.rest
      for (const { name, data } of found.events) heard(name, data)
    }
  } finally {
    clearTimeout(timer)
  }
}
