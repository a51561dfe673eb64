/** Long work beside other answers. */

/** As long as others wait for it, ms. */
const TURN_MS = 12

/** Does it step by step, and lets others in between. */
export async function inTurns<T>(work: Generator<void, T>): Promise<T> {
  let began = performance.now()
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
    if (performance.now() - began < TURN_MS) continue
    await new Promise((resolve) => setImmediate(resolve))
    began = performance.now()
  }
}
