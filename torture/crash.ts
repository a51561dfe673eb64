/**
 * How a process ended that nobody told to. With a sentence it may: whatever started it starts it again (an engine is away, a loop stands still). An
 * exception that nobody caught is a fault of ours, and so is a signal that was not ours.
 */
const UNCAUGHT = /^Node\.js v\d+/m
const INTERNAL = 'This should not have happened.'
/** What says it in a line: the error itself, not the code around it. */
const ERROR_LINE = /^(?:\w*Error\b.*|.*\[\w+\]: .*)$/m

/** @param output what it wrote, or the end of it; null: it ended as it may */
export function crashOf(output: string, signal: NodeJS.Signals | null): string | null {
  if (signal) return `ended by ${signal}`
  const at = output.lastIndexOf(INTERNAL)
  if (at < 0 && !UNCAUGHT.test(output)) return null
  const why = ERROR_LINE.exec(at < 0 ? output : output.slice(at + INTERNAL.length))?.[0]
  return `crashed: ${why?.trim().slice(0, 200) ?? 'see its log'}`
}
