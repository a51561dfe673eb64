/** An end to waiting: an engine, or a client of one, may never answer. */
export class Late extends Error {}

/** What `work` comes to; rejects with `Late` after `ms`. The work itself goes on, unheard: its outcome is unknown. */
export async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Late(`no answer within ${ms / 1000} s`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
