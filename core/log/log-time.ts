/** A record's time, ms. Its producer may write any 64 bits where the topic lets it: beyond 2^53 they are no number that a column takes. */
export const logTime = (ms: number): number => Math.min(Math.max(ms, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
