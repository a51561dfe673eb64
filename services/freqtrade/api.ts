/** Freqtrade's REST API, as far as it is asked here: https://www.freqtrade.io/en/stable/rest-api/ */
import { readFileSync } from 'node:fs'
import { explain, StrandlineError } from '../../core/errors.ts'
import { unreadable } from '../../core/unreadable.ts'
import type { FreqtradeBot } from '../../domain/foreign/freqtrade-trade.ts'
import { isObject } from '../../domain/is-object.ts'

/** Where a bot is, and who asks. Secrets lie in files, which are read anew each time: a changed one needs no restart. */
export interface BotAddress {
  /** Of the API server, as `botUrl` checked it: http://127.0.0.1:8080 */
  url: string
  username: string
  passwordFile: string
  /** `api_server.ws_token` of the bot's configuration; without: a token of the login. */
  wsTokenFile?: string
}

export interface TradePage {
  /** Closed ones, as they were sent. */
  trades: unknown[]
  /** All closed trades that the bot has. */
  total: number
}

/** Errors of each: BOT_UNREACHABLE (no answer, or not now), BOT_REFUSED (wrong name or password, no Freqtrade), FILE_UNREADABLE (a secret's). */
export interface FreqtradeApi {
  bot(): Promise<FreqtradeBot>
  /** By trade id, or those that closed last first. */
  closedTrades(page: { limit: number; offset: number; newestFirst: boolean }): Promise<TradePage>
  /** ws:// URL of the messages, with its token. */
  messagesUrl(): Promise<string>
}

/** A bot may be busy with its exchange. Milliseconds. */
const PATIENCE_MS = 30_000

/** Without a trailing slash and /api/v1. Errors: CONFIG_INVALID, naming the setting. */
export function botUrl(text: string, setting: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search)
    throw new StrandlineError('CONFIG_INVALID', `${setting} is not the URL of a Freqtrade.`, {
      todo: 'Write it like http://127.0.0.1:8080: listen_ip_address and listen_port of its api_server, without name and password.',
    })
  return url.href.replace(/\/+$/, '').replace(/\/api\/v1$/, '')
}

export function createFreqtradeApi(address: BotAddress, stopping: AbortSignal): FreqtradeApi {
  const { url } = address
  const ask = async (path: string, method: 'GET' | 'POST' = 'GET'): Promise<Record<string, unknown>> => {
    const credentials = `${address.username}:${secretOf(address.passwordFile)}`
    const headers = { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(PATIENCE_MS)])
    const response = await fetch(`${url}/api/v1${path}`, { method, headers, signal }).catch((cause) => {
      throw unreachable(url, cause)
    })
    if (!response.ok) throw refused(url, address, response.status)
    const body: unknown = await response.json().catch((cause) => {
      if (cause instanceof SyntaxError) throw noFreqtrade(url)
      throw unreachable(url, cause)
    })
    if (!isObject(body)) throw noFreqtrade(url)
    return body
  }
  return {
    async bot() {
      const { bot_name, dry_run, timeframe } = await ask('/show_config')
      if (typeof bot_name !== 'string' || typeof dry_run !== 'boolean') throw noFreqtrade(url)
      return { name: bot_name || 'freqtrade', dry_run, timeframe: typeof timeframe === 'string' ? timeframe : '' }
    },
    async closedTrades({ limit, offset, newestFirst }) {
      const page = await ask(`/trades?limit=${limit}&offset=${offset}&order_by_id=${!newestFirst}`)
      if (!Array.isArray(page.trades) || typeof page.total_trades !== 'number') throw noFreqtrade(url)
      return { trades: page.trades, total: page.total_trades }
    },
    async messagesUrl() {
      const given = address.wsTokenFile
      const token = given ? secretOf(given) : (await ask('/token/login', 'POST')).access_token
      if (typeof token !== 'string') throw noFreqtrade(url)
      return `${url.replace(/^http/, 'ws')}/api/v1/message/ws?token=${encodeURIComponent(token)}`
    },
  }
}

function secretOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    throw unreadable(file, cause, 'Give the path of a file that holds nothing but the secret.')
  }
}

/** What the network said, e.g. `connect ECONNREFUSED 127.0.0.1:8080`: fetch hides it in the cause. */
function unreachable(url: string, cause: unknown): StrandlineError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  const what = inner instanceof DOMException && inner.name === 'TimeoutError' ? 'no answer' : explain(inner)
  return new StrandlineError('BOT_UNREACHABLE', `The Freqtrade at ${url} cannot be reached: ${what}.`, {
    todo: 'Start it, with its api_server enabled, or correct the URL.',
    cause,
  })
}

function refused(url: string, { username, passwordFile }: BotAddress, status: number): StrandlineError {
  if (status === 401 || status === 403)
    return new StrandlineError(
      'BOT_REFUSED',
      `The Freqtrade at ${url} refuses the user ${username} with the password in ${passwordFile} (HTTP ${status}).`,
      { todo: 'Give username and password of its api_server.' },
    )
  if (status === 404) return noFreqtrade(url)
  return new StrandlineError('BOT_UNREACHABLE', `The Freqtrade at ${url} answers with HTTP ${status}.`, {
    todo: 'See its log.',
  })
}

const noFreqtrade = (url: string) =>
  new StrandlineError('BOT_REFUSED', `What answers at ${url} is not the REST API of a Freqtrade.`, {
    todo: 'Give the URL of its api_server, e.g. http://127.0.0.1:8080.',
  })
