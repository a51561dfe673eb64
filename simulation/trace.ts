/** What happened, in order: always as a hash, for people as lines. */
import { createHash } from 'node:crypto'

export interface Trace {
  /** @param detail any length; a line shows its beginning */
  say(who: string, what: string, detail?: string): void
  /** Of all that was said. */
  digest(): string
  lines: string[]
}

const SHOWN = 200

export function createTrace(now: () => number, keepLines: boolean): Trace {
  const hash = createHash('sha256')
  const start = now()
  const lines: string[] = []
  return {
    lines,
    say(who, what, detail = '') {
      const at = now() - start
      hash.update(`${at} ${who} ${what} ${detail}\n`)
      if (keepLines)
        lines.push(
          `${(at / 1000).toFixed(3).padStart(9)} s  ${who.padEnd(12)} ${what}  ${detail.slice(0, SHOWN)}`.trimEnd(),
        )
    },
    digest: () => hash.copy().digest('hex').slice(0, 32),
  }
}
