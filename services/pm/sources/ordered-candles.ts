/** Candles in the order of their start, from which those of a trade are taken. */
import type { Bar } from '../../../domain/closing/rr.ts'

export interface Candles {
  /** Those that start in [from, to], in ms. */
  between(from: number, to: number): Iterable<Bar>
}

/** Of each candle its start (ms), low and high, in the order of the file. */
export interface CandleColumns {
  start: Float64Array
  low: Float64Array
  high: Float64Array
}

export function candlesOf(bars: Bar[]): Candles {
  bars.sort((a, b) => a.start - b.start)
  return inOrder(bars.length, (i) => bars[i]!)
}

/** Columns stay what they are: a bar for each of millions of candles would take four times their memory. */
export function candlesOfColumns({ start, low, high }: CandleColumns): Candles {
  const order = orderOf(start)
  return inOrder(start.length, (i) => {
    const row = order ? order[i]! : i
    return { start: start[row]!, low: low[row]!, high: high[row]! }
  })
}

/** The rows in the order of their start; null where they have it already, as nearly all files do. */
function orderOf(start: Float64Array): Uint32Array | null {
  if (start.every((ms, row) => row === 0 || start[row - 1]! <= ms)) return null
  return new Uint32Array(start.length).map((_, row) => row).sort((a, b) => start[a]! - start[b]!)
}

function inOrder(length: number, bar: (i: number) => Bar): Candles {
  return {
    *between(from, to) {
      let low = 0
      for (let high = length; low < high; ) {
        const middle = (low + high) >>> 1
        if (bar(middle).start < from) low = middle + 1
        else high = middle
      }
      for (let i = low; i < length && bar(i).start <= to; i++) yield bar(i)
    },
  }
}
