/** Candles of one pair on disk: a CSV with a header, or what Freqtrade's `download-data` writes, as Feather or as JSON. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import { StrandlineError } from '../../../core/errors.ts'
import type { Bar } from '../../../domain/closing/rr.ts'
import { parseTime } from '../../../domain/time.ts'
import { readFeather } from './feather/feather-candles.ts'
import { type Candles, candlesOf, candlesOfColumns } from './ordered-candles.ts'

/** The first one counts: a CSV was put there by hand; Feather is what Freqtrade goes on writing beside JSON of its earlier days. */
const READABLE = ['.csv', '.feather', '.json', '.json.gz'] as const
const UNREADABLE = {
  '.parquet': 'Convert it: freqtrade convert-data --format-from parquet --format-to feather --timeframes',
  '.h5':
    'Convert it with a Freqtrade from before 2025.1: freqtrade convert-data --format-from hdf5 --format-to feather --timeframes',
}
const TIME_COLUMNS = ['timestamp', 'date', 'time', 'open_time']

/**
 * Candles of a pair, `<PAIR>-<timeframe>` with `/` and `:` as `_`, or null where the folder has none.
 * Errors: FILE_INVALID for a file that holds no candles, or a format that is not read here.
 */
export function readCandles(dir: string, pair: string, timeframe: string): Candles | null {
  const name = candleFile(pair, timeframe)
  const places = [join(dir, name), join(dir, `${name}-futures`), join(dir, 'futures', `${name}-futures`)]
  for (const place of places)
    for (const ending of READABLE) if (existsSync(place + ending)) return readFile(place + ending, ending)
  for (const place of places)
    for (const [ending, todo] of Object.entries(UNREADABLE))
      if (existsSync(place + ending))
        throw new StrandlineError('FILE_INVALID', `${place + ending} has a format that is not read here.`, {
          todo: `${todo} ${timeframe}.`,
        })
  return null
}

/** Name of a pair's file, without its ending. */
export const candleFile = (pair: string, timeframe: string): string => `${pair.replace(/[/ .@$+:]/g, '_')}-${timeframe}`

export const READABLE_TEXT = '.csv, .feather, .json or .json.gz'

function readFile(file: string, ending: (typeof READABLE)[number]): Candles {
  const invalid = (what: string, cause?: unknown) =>
    new StrandlineError('FILE_INVALID', `${file} ${what}.`, {
      todo: 'Export or download the candles of this pair again.',
      cause,
    })
  try {
    const bytes = readFileSync(file)
    if (ending === '.feather') return candlesOfColumns(readFeather(bytes, invalid))
    if (ending === '.csv') return candlesOf(fromCsv(bytes.toString('utf8'), invalid))
    const text = (ending === '.json.gz' ? gunzipSync(bytes) : bytes).toString('utf8')
    return candlesOf(fromJson(JSON.parse(text), invalid))
  } catch (error) {
    throw error instanceof StrandlineError ? error : invalid('cannot be read as candles', error)
  }
}

function fromCsv(text: string, invalid: (what: string) => StrandlineError): Bar[] {
  const rows = parse(text, {
    columns: (header: string[]) => header.map((h) => h.trim().toLowerCase()),
    bom: true,
    skip_empty_lines: true,
    trim: true,
  }) as Record<string, string>[]
  if (rows.length === 0) return []
  const column = TIME_COLUMNS.find((name) => name in rows[0]!)
  if (!column || !('low' in rows[0]!) || !('high' in rows[0]!))
    throw invalid(`has no header with ${TIME_COLUMNS[0]}, low and high`)
  return rows.map((row, i) =>
    bar(row[column], Number(row.low), Number(row.high), () => invalid(`has no time in line ${i + 2}`)),
  )
}

function fromJson(rows: unknown, invalid: (what: string) => StrandlineError): Bar[] {
  if (!Array.isArray(rows)) throw invalid('is not a list of [ms, open, high, low, close, volume]')
  return rows.map((row, i) => {
    if (!Array.isArray(row) || row.length < 5) throw invalid(`has no candle at place ${i + 1}`)
    return bar(row[0], Number(row[3]), Number(row[2]), () => invalid(`has no time at place ${i + 1}`))
  })
}

function bar(time: unknown, low: number, high: number, invalid: () => StrandlineError): Bar {
  const number = typeof time === 'number' ? time : /^\d{9,16}(\.\d+)?$/.test(String(time)) ? Number(time) : null
  // Seconds until the year 5138 are smaller than milliseconds since 1973.
  const start =
    number === null ? (parseTime(String(time)) ?? parseTime(`${time}Z`)) : number < 1e11 ? number * 1000 : number
  if (start === null || !Number.isFinite(start)) throw invalid()
  return { start, low, high }
}
