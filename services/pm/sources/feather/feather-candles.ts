/** Candles as Freqtrade keeps them by default: a Feather file with a `date` and prices of 64 bits. */
import type { CandleColumns } from '../ordered-candles.ts'
import { type ArrowBatch, type ArrowColumn, type ArrowFile, type Invalid, readArrowFile, TYPE } from './arrow-file.ts'
import { int64 } from './flatbuffer.ts'

/** A year of seconds, or sixty of minutes. What claims more is damaged; it would take the memory of the machine. */
export const MOST_CANDLES = 2 ** 25

const WIDTH = 8
const DOUBLE = 2
/** How many make a millisecond, by the unit's number: seconds, ms, µs, ns. */
const PER_MS = [1e-3, 1, 1e3, 1e6]

/** Errors: what `invalid` makes of a file whose columns are not those of candles, or that has one without a price; RangeError where it is damaged. */
export function readFeather(bytes: Buffer, invalid: Invalid): CandleColumns {
  const file = readArrowFile(bytes, invalid)
  const date = columnOf(file, 'date', invalid)
  const perMs = PER_MS[date.detail?.int16(0) ?? -1]
  if (date.type !== TYPE.timestamp || perMs === undefined) throw invalid('has a date that is not a timestamp')
  const low = priceColumn(file, 'low', invalid)
  const high = priceColumn(file, 'high', invalid)

  const candles = rowsOf(file.batches)
  if (!(candles <= MOST_CANDLES)) throw invalid(`claims to have ${candles} candles`)
  const columns: CandleColumns = {
    start: new Float64Array(candles),
    low: new Float64Array(candles),
    high: new Float64Array(candles),
  }
  let first = 0
  for (const batch of file.batches) {
    const dates = valuesOf(batch, date, invalid)
    for (let i = 0; i < batch.rows; i++) columns.start[first + i] = Math.round(int64(dates, i * WIDTH) / perMs)
    copyPrices(batch, low, columns.low, first, invalid)
    copyPrices(batch, high, columns.high, first, invalid)
    first += batch.rows
  }
  return columns
}

function rowsOf(batches: ArrowBatch[]): number {
  let rows = 0
  for (const batch of batches) {
    if (batch.rows < 0) throw new RangeError(`A batch has ${batch.rows} rows.`)
    rows += batch.rows
  }
  return rows
}

function columnOf({ columns }: ArrowFile, name: string, invalid: Invalid): ArrowColumn {
  const column = columns.find((c) => c.name.toLowerCase() === name)
  if (!column) throw invalid(`has no column ${name}`)
  return column
}

function priceColumn(file: ArrowFile, name: string, invalid: Invalid): ArrowColumn {
  const column = columnOf(file, name, invalid)
  if (column.type !== TYPE.float || column.detail?.int16(0) !== DOUBLE)
    throw invalid(`has a column ${name} that does not hold 64-bit floating-point numbers`)
  return column
}

function valuesOf(batch: ArrowBatch, column: ArrowColumn, invalid: Invalid): DataView {
  const nulls = batch.nulls(column)
  if (nulls !== 0) throw invalid(`has no ${column.name} in ${nulls} of its candles`)
  return batch.values(column, WIDTH)
}

function copyPrices(batch: ArrowBatch, column: ArrowColumn, to: Float64Array, first: number, invalid: Invalid): void {
  const prices = valuesOf(batch, column, invalid)
  for (let i = 0; i < batch.rows; i++) {
    const price = prices.getFloat64(i * WIDTH, true)
    if (!Number.isFinite(price)) throw invalid(`has no number for ${column.name} in candle ${first + i + 1}`)
    to[first + i] = price
  }
}
