/** Progress goes to standard error, so that standard output holds results only. */
export function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`)
}
