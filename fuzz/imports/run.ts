/** Bad files at volume, through the real import functions: a backtest of Freqtrade with its candles, and logs of a line for each event. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { strToU8, zipSync } from 'fflate'
import { positionClosedType } from '../../core/codec/position-closed-codec.ts'
import { findStrandlineError } from '../../core/errors.ts'
import type { PositionClosed } from '../../domain/event.ts'
import { fitEvent } from '../../domain/limits.ts'
import { parseOfflineLog } from '../../domain/offline-log.ts'
import { readFreqtrade } from '../../services/pm/sources/freqtrade.ts'
import { createDice, type Dice } from '../dice.ts'
import type { Failure, Found } from '../found.ts'
import { badJson } from '../http/bad-json.ts'
import { changeBytes } from '../records/bytes.ts'
import { oddText } from '../records/odd-values.ts'
import { seedEvent } from '../records/seed-events.ts'

export interface ImportsFound extends Found {
  taken: number
  refused: number
  kinds: Record<string, number>
}

export interface ImportsOptions {
  seed: number
  count: number
  from?: number
  progress?(done: number): void
}

export async function fuzzImports({ seed, count, from = 0, progress }: ImportsOptions): Promise<ImportsFound> {
  const dir = mkdtempSync(join(tmpdir(), 'strandline-fuzz-'))
  const failures: Failure[] = []
  const found = { taken: 0, refused: 0, kinds: {} as Record<string, number> }
  try {
    for (let number = from; number < from + count; number++) {
      const dice = createDice(seed, 'import', number)
      const kind = dice.weighed({ jsonl: 42, backtest: 33, csv: 11, candles: 7, feather: 7 })
      found.kinds[kind] = (found.kinds[kind] ?? 0) + 1
      try {
        for (const event of READ[kind](dice, dir)) {
          const wrong = oddEvent(event)
          if (wrong) failures.push({ part: 'imports', number, problem: `${kind}: taken, and ${wrong}` })
        }
        found.taken++
      } catch (error) {
        found.refused++
        const wrong = oddRefusal(error, kind)
        if (wrong) failures.push({ part: 'imports', number, problem: `${kind}: ${wrong}` })
      }
      if ((number - from) % 500 === 499) {
        progress?.(number - from + 1)
        await new Promise(setImmediate) // signals get their turn
      }
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  return { cases: count, ...found, failures }
}

/** What a taken event must not be. */
function oddEvent(event: PositionClosed): string | undefined {
  for (const [name, value] of Object.entries(event))
    if (typeof value === 'number' && !Number.isFinite(value)) return `${name} is ${value}`
  for (const [name, value] of Object.entries(event.measures))
    if (!Number.isFinite(value)) return `the measure ${name.slice(0, 40)} is ${value}`
  if (event.rr !== null && Math.abs(event.rr) > 10 && event.source === 'import:freqtrade') return `rr is ${event.rr}`
  try {
    const fitted = fitEvent(event).event // as the outbox gets it
    return positionClosedType.isValid(fitted) ? undefined : 'no record can hold it'
  } catch (error) {
    return findStrandlineError(error)?.code === 'EVENT_INVALID' ? undefined : String((error as Error).stack)
  }
}

/** What a refusal must say: which file or line, and why. */
function oddRefusal(error: unknown, kind: string): string | undefined {
  const known = findStrandlineError(error)
  if (!known || !['FILE_INVALID', 'FILE_UNREADABLE', 'EVENT_INVALID'].includes(known.code))
    return `it was not refused, but failed: ${(error as Error).stack}`
  const names = kind === 'jsonl' ? /^Line \d+: / : /result|ETH_USDT|trade/i
  if (known.code === 'FILE_INVALID' && !names.test(known.message))
    return `the refusal does not say where: ${known.message}`
  if (known.message.length > 700) return `the refusal has ${known.message.length} characters`
  if (/\[object Object\]|\n\s+at /.test(known.message)) return `it shows the insides of the program: ${known.message}`
  return undefined
}

const START = Date.UTC(2024, 2, 4, 7, 10)

const trade = (dice: Dice) => {
  const opened = START + dice.below(20) * 300_000
  const iso = (ms: number) => new Date(ms).toISOString()
  return {
    pair: 'ETH/USDT:USDT',
    open_date: iso(opened),
    close_date: iso(opened + 600_000),
    ...(dice.chance(0.5) ? { open_timestamp: opened, close_timestamp: opened + 600_000 } : {}),
    open_rate: 100 + dice.below(10),
    close_rate: 100 + dice.below(20),
    exit_reason: 'roi',
    enter_tag: 'dip',
    is_short: dice.chance(0.3),
    is_open: false,
    profit_ratio: dice.next() - 0.5,
    stake_amount: 100,
    max_stake_amount: 200,
    leverage: 3,
    fee_open: 0.001,
    fee_close: 0.001,
    initial_stop_loss_abs: 95,
    initial_stop_loss_ratio: -0.05,
  }
}

const backtest = (trades: unknown[]) => ({
  metadata: {},
  strategy: { Dip: { strategy_name: 'Dip', timeframe: '5m', trades } },
  strategy_comparison: [],
})
const candles = () => Array.from({ length: 30 }, (_, i) => [START + i * 300_000, 100, 106, 95, 104, 1])
const csv = () =>
  `timestamp,open,high,low,close,volume\n${candles()
    .map((row) => row.join(','))
    .join('\n')}\n`

const line = (dice: Dice) => {
  const { levers, measures, closed_at, opened_at, ...event } = seedEvent(dice)
  return {
    ...event,
    exit_ts: new Date(closed_at).toISOString(),
    opened_at: new Date(opened_at).toISOString(),
    entry_context: { ...levers, ...measures },
  }
}

/** Changed by what it means, or by its bytes alone. */
const spoiled = (body: Record<string, unknown>, dice: Dice): Buffer =>
  dice.chance(0.7)
    ? badJson(body, dice)
    : changeBytes(Buffer.from(JSON.stringify(body)), dice, () => Buffer.from('[1,2,3]'))

const READ: Record<
  'jsonl' | 'backtest' | 'csv' | 'candles' | 'feather',
  (dice: Dice, dir: string) => PositionClosed[]
> = {
  jsonl(dice) {
    const lines = Array.from({ length: 3 }, () => JSON.stringify(line(dice)))
    const bad = spoiled(line(dice), dice).toString('utf8')
    lines.splice(dice.below(4), 0, bad)
    return parseOfflineLog(lines.join(dice.pick(['\n', '\r\n', '\n\n'])))
  },
  backtest(dice, dir) {
    const whole = backtest([trade(dice), trade(dice)])
    const one = spoiled(trade(dice), dice).toString('utf8')
    const text = dice.chance(0.6)
      ? JSON.stringify(whole).replace(/"trades":\[/, () => `"trades":[${one},`)
      : spoiled(whole, dice).toString('utf8')
    const zipped = dice.chance(0.15)
    let bytes: Uint8Array = zipped ? zipSync({ 'result.json': strToU8(text) }) : Buffer.from(text)
    if (zipped && dice.chance(0.5)) bytes = changeBytes(Buffer.from(bytes), dice, () => Buffer.alloc(20, 7))
    const file = join(dir, zipped ? 'result.zip' : 'result.json')
    writeFileSync(file, bytes)
    return readFreqtrade({ file, candles: candleDir(dir, JSON.stringify(candles()), '.json') }).events
  },
  csv(dice, dir) {
    const rows = csv().split('\n')
    const at = dice.below(rows.length - 1)
    const cells = rows[at]!.split(',')
    cells[dice.below(cells.length)] = dice.pick([
      '',
      'NaN',
      '1e999',
      '-1',
      '"',
      '"a""',
      '0x10',
      'Infinity',
      '2024-13-01',
      oddText(dice),
    ])
    rows[at] = dice.chance(0.8)
      ? cells.join(',')
      : dice.pick(['', ',', '"', 'x'.repeat(70_000), rows[0]!, ',,,,,,,,,,,'])
    const bytes = dice.chance(0.7)
      ? Buffer.from(rows.join('\n'))
      : changeBytes(Buffer.from(csv()), dice, () => Buffer.from(csv()))
    return scored(dir, bytes, '.csv')
  },
  candles(dice, dir) {
    const rows: unknown[] = candles()
    rows[dice.below(rows.length)] = dice.pick<unknown>([
      null,
      [],
      {},
      'x',
      [null, null, null, null, null],
      [1e300, 1, 2, 3, 4],
      ['a', 1, 2, 3, 4],
      [START, {}, [], 'x', null],
      [START, 1, -5, 0, 1],
    ])
    const text = Buffer.from(JSON.stringify(rows))
    const bytes = dice.chance(0.6) ? text : changeBytes(text, dice, () => text)
    const gz = dice.chance(0.3)
    const packed = gz ? gzipSync(bytes) : bytes
    return scored(
      dir,
      gz && dice.chance(0.5) ? changeBytes(packed, dice, () => packed) : packed,
      gz ? '.json.gz' : '.json',
    )
  },
  feather(dice, dir) {
    const whole = readFileSync(dice.pick(FEATHER))
    return scored(
      dir,
      changeBytes(whole, dice, () => readFileSync(dice.pick(FEATHER))),
      '.feather',
    )
  },
}

/** Candles of the time of these trades, each in another compression. */
const FEATHER = ['us/BTC_USDT-5m.feather', 'zstd.feather', 'uncompressed.feather'].map((name) =>
  fileURLToPath(new URL(`../../services/pm/sources/feather/fixtures/${name}`, import.meta.url)),
)

function candleDir(dir: string, content: string | Buffer, ending: string): string {
  const folder = join(dir, ending)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `ETH_USDT_USDT-5m${ending}`), content)
  return folder
}

function scored(dir: string, content: Buffer, ending: string): PositionClosed[] {
  const file = join(dir, 'result.json')
  writeFileSync(file, JSON.stringify(backtest([trade(createDice(1, 'trade', 1)), trade(createDice(1, 'trade', 2))])))
  return readFreqtrade({ file, candles: candleDir(dir, content, ending) }).events
}
