/** Candles of one pair on disk: a CSV with a header, or what Freqtrade's `download-data` writes as JSON. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import { StrandlineError } from '../../../core/errors.ts'
import type { Bar } from '../../../domain/closing/rr.ts'
import { parseTime } from '../../../domain/time.ts'

const READABLE = ['.csv', '.json', '.json.gz'] as const
const UNREADABLE = ['.feather', '.parquet', '.h5']
const TIME_COLUMNS = ['timestamp', 'date', 'time', 'open_time']

/** Bars in the order of their start. */
export interface Candles {
  /** Those that start in [from, to], in ms. */
  between(from: number, to: number): Iterable<Bar>
}

/**
 * Candles of a pair, `<PAIR>-<timeframe>` with `/` and `:` as `_`, or null where the folder has none.
 * Errors: FILE_INVALID for a file that holds no candles, or a format that is not read here.
 */
export function readCandles(dir: string, pair: string, timeframe: string): Candles | null {
  const name = candleFile(pair, timeframe)
  const places = [join(dir, name), join(dir, `${name}-futures`), join(dir, 'futures', `${name}-futures`)]
  for (const place of places)
    for (const ending of READABLE) if (existsSync(place + ending)) return candlesOf(readBars(place + ending, ending))
  const other = places.flatMap((place) => UNREADABLE.map((ending) => place + ending)).find(existsSync)
  if (!other) return null
  throw new StrandlineError('FILE_INVALID', `${other} has a format that is not read here.`, {
    todo: 'Convert it: freqtrade convert-data --format-from feather --format-to json.',
  })
}

/** Name of a pair's file, without its ending. */
export const candleFile = (pair: string, timeframe: string): string => `${pair.replace(/[/ .@$+:]/g, '_')}-${timeframe}`

export const READABLE_TEXT = '.csv, .json or .json.gz'

function readBars(file: string, ending: (typeof READABLE)[number]): Bar[] {
  const invalid = (what: string, cause?: unknown) =>
    new StrandlineError('FILE_INVALID', `${file} ${what}.`, {
      todo: 'Export or download the candles of this pair again.',
      cause,
    })
  try {
    const bytes = readFileSync(file)
    if (ending === '.csv') return fromCsv(bytes.toString('utf8'), invalid)
    return fromJson(JSON.parse((ending === '.json.gz' ? gunzipSync(bytes) : bytes).toString('utf8')), invalid)
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

function candlesOf(bars: Bar[]): Candles {
  bars.sort((a, b) => a.start - b.start)
  return {
    *between(from, to) {
      let low = 0
      for (let high = bars.length; low < high; ) {
        const middle = (low + high) >>> 1
        if (bars[middle]!.start < from) low = middle + 1
        else high = middle
      }
      for (let i = low; i < bars.length && bars[i]!.start <= to; i++) yield bars[i]!
    },
  }
}
