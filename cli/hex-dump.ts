/** Bytes as a person reads them: sixteen a line, with their place and what is text of them. */
const BYTES = 16
const GROUP = 8

/** @param first the place of the first byte @param most lines */
export function hexDump(bytes: Buffer, first: number, most = Number.POSITIVE_INFINITY): string[] {
  const lines: string[] = []
  for (let at = 0; at < bytes.length && lines.length < most; at += BYTES) {
    const line = [...bytes.subarray(at, at + BYTES)]
    const half = (from: number) =>
      line
        .slice(from, from + GROUP)
        .map((b) => b.toString(16).padStart(2, '0'))
        .join(' ')
    const hex = `${half(0).padEnd(3 * GROUP - 1)}  ${half(GROUP)}`.padEnd(3 * BYTES)
    const text = line.map((b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : '.')).join('')
    lines.push(`${(first + at).toString(16).padStart(8, '0')}  ${hex}  |${text}|`)
  }
  const left = bytes.length - lines.length * BYTES
  if (left > 0) lines.push(`… and ${left} bytes more; --json has all of them.`)
  return lines
}
