/** Progress goes to standard error, so that standard output holds results only. */
export function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`)
}

const left = new AbortController()

/** Aborts once nobody reads standard output any more: what prints until it is told to stop ends then. */
export const unread: AbortSignal = left.signal

/** `| head` closes our output early: that is no error, and no reason to leave undone what was asked for. What is written from then on is lost. */
export function outliveReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    left.abort()
  })
}
