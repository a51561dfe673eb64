/** A real Freqtrade in a folder of its own, against a stand-in for an exchange on this machine: in dry run, or a backtest. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { vi } from 'vitest'
import { freePort } from '../../core/ports.ts'
import { type BacktestTrade, readBacktest } from '../../services/pm/sources/freqtrade-result.ts'
import { PATIENT } from './patience.ts'
import { sharedData } from './shared-data.ts'

const run = promisify(execFile)
const cache = process.env.STRANDLINE_CACHE_DIR?.trim() || join(homedir(), '.cache', 'strandline')
const venv = join(cache, 'freqtrade-2026.9')
const exchange = sharedData('freqtrade/exchange.py')
const STRATEGIES = fileURLToPath(new URL('../clients/freqtrade/strategies', import.meta.url))
const CLIENT = fileURLToPath(new URL('../../clients/freqtrade/strandline_sizing.py', import.meta.url))

/** Said once on stderr where it cannot run. */
export const hasFreqtrade = existsSync(join(venv, 'ready')) && exchange !== null
if (!existsSync(join(venv, 'ready')))
  process.stderr.write('\n!!! LEFT OUT: what needs a real Freqtrade; install it with test/clients/freqtrade.sh\n')

export const PAIRS = ['BTC/USDT', 'ETH/USDT', 'SOL/USDT', 'XRP/USDT', 'ADA/USDT']
/** What Freqtrade proposes for each entry, in USDT. */
export const STAKE = 200

/** As far as tests read it. */
export interface LiveTrade {
  trade_id: number
  pair: string
  enter_tag: string
  stake_amount: number
  open_timestamp: number
  profit_ratio: number
  min_rate: number | null
}

export interface Bot {
  url: string
  /** Enters and leaves each pair once, by force, with the tag of its place; resolves when all of it is closed. */
  round(tags: readonly string[]): Promise<void>
  closed(): Promise<LiveTrade[]>
  kill(): Promise<void>
}

export interface FreqtradeStage {
  username: string
  passwordFile: string
  /** Where its log is, for whoever looks for what went wrong. */
  dir: string
  /** Where the API of the bot of this name is, whether it runs or not. */
  urlOf(name: string): string
  /** Resolves when its API answers. A name has a database of its own. */
  startBot(name: string): Promise<Bot>
  /** 5-minute candles of the pairs. @param timerange as 20260901-20260904 */
  download(timerange: string): Promise<void>
  /** Its trades, in the order of their entries. */
  backtest(strategy: string, timerange: string): Promise<BacktestTrade[]>
  stop(): Promise<void>
}

/** @param decisionUrl where the sizing file asks @param names of the bots */
export async function freqtradeStage(decisionUrl: string, names: readonly string[]): Promise<FreqtradeStage> {
  const dir = mkdtempSync(join(tmpdir(), 'strandline-freqtrade-'))
  const strategies = join(dir, 'user_data', 'strategies')
  const configFile = (name: string) => join(dir, `config-${name}.json`)
  mkdirSync(strategies, { recursive: true })
  cpSync(STRATEGIES, strategies, { recursive: true })
  cpSync(CLIENT, join(strategies, 'strandline_sizing.py'))
  const exchangePort = await freePort()
  const ports = new Map<string, number>()
  for (const name of names) {
    const port = await freePort()
    ports.set(name, port)
    writeFileSync(configFile(name), JSON.stringify(configOf(name, exchangePort, port, decisionUrl)))
  }
  const passwordFile = join(dir, 'password.txt')
  writeFileSync(passwordFile, 'ft\n')
  const urlOf = (name: string) => `http://127.0.0.1:${ports.get(name)}`
  const python = join(venv, 'bin', 'python')
  const running = new Set<ChildProcess>()

  function start(name: string, args: string[]): ChildProcess {
    const log = openSync(join(dir, `${name}.log`), 'a')
    const child = spawn(python, args, { cwd: dir, stdio: ['ignore', log, log] })
    running.add(child)
    child.once('exit', () => running.delete(child))
    return child
  }
  const kill = async (child: ChildProcess) => {
    if (!running.has(child)) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  const freqtrade = async (...args: string[]) => {
    await run(python, ['-m', 'freqtrade', ...args, '-c', configFile(names[0] as string), '--userdir', 'user_data'], {
      cwd: dir,
      maxBuffer: 1 << 26,
    })
  }

  function botAt(url: string, child: ChildProcess): Bot & { call<T>(path: string, body?: object): Promise<T> } {
    async function call<T>(path: string, body?: object): Promise<T> {
      const response = await fetch(`${url}/api/v1${path}`, {
        method: body ? 'POST' : 'GET',
        headers: {
          authorization: `Basic ${Buffer.from('ft:ft').toString('base64')}`,
          'content-type': 'application/json',
        },
        body: body && JSON.stringify(body),
      })
      const answer = await response.text()
      if (!response.ok) throw new Error(`${path}: ${response.status} ${answer}`)
      return JSON.parse(answer) as T
    }
    return {
      url,
      call,
      async round(tags) {
        for (const [i, tag] of tags.entries())
          await call('/forceenter', { pair: PAIRS[i % PAIRS.length], side: 'long', entry_tag: tag })
        const open = await call<LiveTrade[]>('/status')
        if (open.length !== tags.length) throw new Error(`${open.length} of ${tags.length} trades are open`)
        await call('/forceexit', { tradeid: 'all', ordertype: 'market' })
        await vi.waitFor(async () => {
          const left = await call<LiveTrade[]>('/status')
          if (left.length > 0) throw new Error(`${left.length} trades are still open`)
        }, PATIENT)
      },
      closed: async () => (await call<{ trades: LiveTrade[] }>('/trades?limit=500')).trades,
      kill: () => kill(child),
    }
  }

  start('exchange', [exchange as string, '--port', String(exchangePort), '--anchor', String(Date.now())])
  return {
    username: 'ft',
    passwordFile,
    dir,
    urlOf,
    async startBot(name) {
      const db = `sqlite:///${join(dir, `${name}.sqlite`)}`
      const args = ['trade', '-c', configFile(name), '--userdir', 'user_data', '--db-url', db, '--strategy', 'Sized']
      const child = start(name, ['-m', 'freqtrade', ...args])
      const bot = botAt(urlOf(name), child)
      await vi.waitFor(async () => {
        if (!running.has(child)) throw new Error(`the bot ended: see ${dir}/${name}.log`)
        const { state } = await bot.call<{ state: string }>('/show_config')
        if (state !== 'running') throw new Error(state)
      }, PATIENT)
      return bot
    },
    download: (timerange) => freqtrade('download-data', '-t', '5m', '--timerange', timerange),
    async backtest(strategy, timerange) {
      const results = join(dir, 'results', `${strategy}-${Math.random()}`)
      mkdirSync(results, { recursive: true })
      const how = ['--cache', 'none', '--export', 'trades', '--backtest-directory', results]
      await freqtrade('backtesting', '-s', strategy, '-i', '5m', '--timerange', timerange, ...how)
      const zip = readdirSync(results).find((name) => name.endsWith('.zip')) as string
      return readBacktest(join(results, zip)).trades.sort(
        (a, b) => a.opened_at - b.opened_at || a.pair.localeCompare(b.pair),
      )
    },
    async stop() {
      for (const child of [...running]) await kill(child)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function configOf(name: string, exchangePort: number, apiPort: number, decisionUrl: string): object {
  const at = `http://127.0.0.1:${exchangePort}`
  return {
    bot_name: name,
    dry_run: true,
    dry_run_wallet: 100_000,
    stake_currency: 'USDT',
    stake_amount: STAKE,
    max_open_trades: 20,
    trading_mode: 'spot',
    timeframe: '5m',
    force_entry_enable: true,
    initial_state: 'running',
    order_types: { entry: 'market', exit: 'market', stoploss: 'market', stoploss_on_exchange: false },
    entry_pricing: { price_side: 'other', use_order_book: true, order_book_top: 1 },
    exit_pricing: { price_side: 'other', use_order_book: true, order_book_top: 1 },
    exchange: {
      name: 'binance',
      key: '',
      secret: '',
      enable_ws: false,
      only_from_ccxt: true,
      pair_whitelist: PAIRS,
      pair_blacklist: [],
      ccxt_config: {
        enableRateLimit: false,
        urls: { api: { public: `${at}/api/v3`, private: `${at}/api/v3`, sapi: `${at}/sapi/v1` } },
        options: { defaultType: 'spot', fetchMarkets: { types: ['spot'] }, fetchCurrencies: false },
      },
    },
    pairlists: [{ method: 'StaticPairList' }],
    api_server: {
      enabled: true,
      listen_ip_address: '127.0.0.1',
      listen_port: apiPort,
      verbosity: 'error',
      jwt_secret_key: 'of-a-test-and-no-secret-0123456789abcdef',
      username: 'ft',
      password: 'ft',
    },
    // patience: a machine that does much else answers late, and what is asked here is whether the answer counts
    strandline: { url: decisionUrl, timeout: 60 },
    internals: { process_throttle_secs: 1 },
  }
}
