/** Says every so often what is waited for: nobody should look at a still screen and wonder. */
const TELL_MS = 10_000

/** Call it in each turn of a loop that waits. */
export function createTeller(
  say: ((sentence: string) => void) | undefined,
  sentence: () => string | Promise<string>,
  everyMs = TELL_MS,
): () => Promise<void> {
  let told = performance.now()
  return async () => {
    if (!say || performance.now() - told < everyMs) return
    told = performance.now()
    say(await sentence())
  }
}
