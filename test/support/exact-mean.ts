/** The decayed mean by its formula, in fixed point of 1,300 bits: an oracle that shares nothing with the fold but the formula. */
const BITS = 1300n
const ONE = 1n << BITS

/** e^(−age/tau), age ≥ 0 and tau > 0 in whole milliseconds. */
function decay(age: bigint, tau: bigint): bigint {
  let x = (age << BITS) / tau
  let halvings = 0
  while (x > ONE >> 4n) {
    x >>= 1n
    halvings++
  }
  // the halvings cost bits at the low end, of which there are enough
  let sum = ONE
  let term = ONE
  for (let k = 1n; term !== 0n; k++) {
    term = (-term * x) / (k << BITS)
    sum += term
  }
  for (let i = 0; i < halvings; i++) sum = (sum * sum) >> BITS
  return sum
}

/** A double as fixed point, exactly. */
function fixed(value: number): bigint {
  if (value === 0) return 0n
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const raw = view.getBigUint64(0)
  const exponent = Number((raw >> 52n) & 0x7ffn)
  const fraction = raw & ((1n << 52n) - 1n)
  const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n)
  const shift = BITS + BigInt(exponent === 0 ? -1074 : exponent - 1075)
  const magnitude = shift >= 0n ? mantissa << shift : mantissa >> -shift
  return value < 0 ? -magnitude : magnitude
}

/** Quotient of two fixed-point numbers as a double. */
function quotient(a: bigint, b: bigint): number {
  const negative = a < 0n !== b < 0n
  const [n, d] = [a < 0n ? -a : a, b < 0n ? -b : b]
  const scale = 1100n
  const q = (n << scale) / d
  if (q === 0n) return 0
  const excess = BigInt(q.toString(2).length - 64)
  const top = excess > 0n ? q >> excess : q
  const result = Number(top) * 2 ** Number((excess > 0n ? excess : 0n) - scale)
  return negative ? -result : result
}

export interface ExactMean {
  mean: number
  /** The decayed mean of |rr|: what the last digits of `mean` are relative to when terms cancel. */
  size: number
}

export function exactMean(trades: readonly { t: number; rr: number }[], tau: number): ExactMean {
  const newest = trades.reduce((max, { t }) => Math.max(max, t), Number.NEGATIVE_INFINITY)
  let weights = 0n
  let sum = 0n
  let size = 0n
  for (const { t, rr } of trades) {
    const w = decay(BigInt(newest - t), BigInt(tau))
    const value = (w * fixed(rr)) >> BITS
    weights += w
    sum += value
    size += value < 0n ? -value : value
  }
  return { mean: quotient(sum, weights), size: quotient(size, weights) }
}
