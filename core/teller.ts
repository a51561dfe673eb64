/** Says every ten seconds what is waited for: nobody should look at a still screen and wonder. */
export const TELL_EVERY_MS = 10_000

export interface Teller {
  /** Call it in each turn of a loop that waits. */
  (): Promise<void>
  /** Something came: the silence is over, and its ten seconds begin anew. */
  moved(): void
}

/** @param now milliseconds of any clock that only goes forward */
export function createTeller(
  say: ((sentence: string) => void) | undefined,
  sentence: () => string | Promise<string>,
  now: () => number = () => performance.now(),
): Teller {
  let since = now()
  const turn = async () => {
    if (!say || now() - since < TELL_EVERY_MS) return
    since = now()
    say(await sentence())
  }
  return Object.assign(turn, {
    moved() {
      since = now()
    },
  })
}

/** For work that has no loop of its own. Ends with it, whatever comes of it. */
export async function tellDuring<T>(
  work: Promise<T>,
  say: ((sentence: string) => void) | undefined,
  sentence: () => string,
): Promise<T> {
  const telling = setInterval(() => say?.(sentence()), TELL_EVERY_MS)
  try {
    return await work
  } finally {
    clearInterval(telling)
  }
}
