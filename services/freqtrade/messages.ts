/**
 * The websocket of a bot as a wake-up, never as the truth: it replays nothing, and its messages lack what the REST API has. Opened again and again, later each
 * time it fails; meanwhile the trades are looked for by the clock.
 */
import type { Clock } from '../../core/clock.ts'
import { explain, findStrandlineError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { isObject } from '../../domain/is-object.ts'
import type { FreqtradeApi } from './api.ts'

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 60_000
/** It says no more than that it did not open: a handshake that nobody answers ends here. */
const OPENS_WITHIN_MS = 15_000

export interface Messages {
  /** Whether it is open now. */
  open(): boolean
  stop(): Promise<void>
}

export interface MessagesOptions {
  api: Pick<FreqtradeApi, 'messagesUrl'>
  /** Of the bot, for sentences. */
  url: string
  /** A file was named for the token. */
  ownToken: boolean
  clock: Clock
  logger: Logger
  /** It is open: what happened before was heard by nobody. */
  opened(): void
  /** A trade was closed; the bot may not have written it down yet. */
  closed(tradeId: number): void
}

export function listenToMessages({ api, url, ownToken, clock, logger, opened, closed }: MessagesOptions): Messages {
  const stopping = new AbortController()
  let isOpen = false

  /** Resolves when it is over, to whether it had been open. */
  async function once(): Promise<boolean> {
    const socket = new WebSocket(await api.messagesUrl())
    const late = setTimeout(() => socket.close(), OPENS_WITHIN_MS)
    let end = () => {}
    let was = false
    try {
      await new Promise<void>((resolve) => {
        end = resolve
        stopping.signal.addEventListener('abort', end)
        socket.addEventListener('open', () => {
          clearTimeout(late)
          was = isOpen = true
          socket.send(JSON.stringify({ type: 'subscribe', data: ['exit_fill'] }))
          opened()
        })
        socket.addEventListener('message', ({ data }) => {
          const id = closedTrade(data)
          if (id !== null) closed(id)
        })
        socket.addEventListener('error', () => resolve())
        socket.addEventListener('close', () => resolve())
      })
      return was
    } finally {
      clearTimeout(late)
      stopping.signal.removeEventListener('abort', end)
      isOpen = false
      socket.close()
    }
  }

  const loop = (async () => {
    let wait = FIRST_WAIT_MS
    let said = ''
    while (!stopping.signal.aborted) {
      const since = clock.monotonic()
      let reason = ''
      try {
        const was = await once()
        // Freqtrade takes the socket and closes it at once where the token is wrong, or answers 403
        const held = was && clock.monotonic() - since > FIRST_WAIT_MS
        if (held) {
          wait = FIRST_WAIT_MS
          said = ''
        } else reason = unopened(url, ownToken)
      } catch (error) {
        // what is wrong with the bot itself, those say who ask for its trades
        if (!findStrandlineError(error)?.code.startsWith('BOT_')) reason = explain(error)
      }
      if (stopping.signal.aborted) return
      if (reason && reason !== said) logger.warn(reason)
      if (reason) said = reason
      await clock.sleep(wait, stopping.signal)
      wait = Math.min(wait * 2, LONGEST_WAIT_MS)
    }
  })()
  return {
    open: () => isOpen,
    async stop() {
      stopping.abort()
      await loop
    },
  }
}

function unopened(url: string, ownToken: boolean): string {
  const cause = ownToken
    ? 'the token in the file is not the ws_token of its api_server, or it is away'
    : 'it is away, or a proxy before it passes no websockets'
  return `The messages of the Freqtrade at ${url} cannot be heard: ${cause}. Until they are, its trades are looked for every few seconds.`
}

/** Id of the trade that a message says is closed, not merely a part of it. */
export function closedTrade(data: unknown): number | null {
  let message: unknown
  try {
    message = JSON.parse(String(data))
  } catch {
    return null
  }
  if (!isObject(message) || message.type !== 'exit_fill' || message.is_final_exit === false) return null
  return typeof message.trade_id === 'number' ? message.trade_id : null
}
