/** Progress on standard error: one line that is rewritten on a terminal, a line now and then elsewhere. */

export interface Progress {
  /** @param shown in the place of `<done> of <total>` */
  (text: string, done?: number, total?: number, shown?: string): void
  /** Ends the line that is being rewritten. */
  end(): void
}

const QUIET_MS = 2_000

export function createProgress(out: NodeJS.WriteStream = process.stderr): Progress {
  let shown = ''
  let last = 0
  const progress = (text: string, done?: number, total?: number, amount = `${done} of ${total}`) => {
    const complete = done === undefined || done === total
    const line = done === undefined ? text : `${text}: ${amount}`
    if (out.isTTY) {
      const fresh = done === undefined || !shown.startsWith(`${text}:`)
      out.write(`${fresh && shown !== '' ? '\n' : '\r'}${line}\x1b[K`)
      shown = line
      return
    }
    if (!complete && Date.now() - last < QUIET_MS) return
    if (line === shown) return
    last = Date.now()
    shown = line
    out.write(`${line}\n`)
  }
  progress.end = () => {
    if (out.isTTY && shown !== '') out.write('\n')
    shown = ''
  }
  return progress
}
