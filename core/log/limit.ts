/** At most so many tasks at the same time; who comes first is first. */
export type Limit = <T>(task: () => Promise<T>) => Promise<T>

export function createLimit(most: number): Limit {
  let running = 0
  const waiting: (() => void)[] = []
  return async (task) => {
    if (running === most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next)
        next() // who waited takes this place
      else running--
    }
  }
}
