/** Work that is done a little at a time, as a generator that yields in between. Pure. */

/** So many of something small are a step: a few milliseconds. */
export const STEP = 5_000

/** All steps of it at once. */
export function whole<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}
