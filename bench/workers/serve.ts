/** The worker's side of ../worker.ts: answers requests of the process that started it, and ends with it. */

type Handlers = Record<string, (payload: never) => Promise<unknown>>

interface Request {
  id: number
  task: string
  payload: unknown
}

/** Answers each request with what its handler resolves to. `leave` runs before the process ends, also when the parent died. */
export function serve(handlers: Handlers, leave: () => Promise<void> = async () => {}): void {
  let leaving = false
  const end = () => {
    if (leaving) return
    leaving = true
    leave()
      .catch((error) => console.error(error))
      .finally(() => process.exit(0))
  }
  process.on('disconnect', end)
  // Ctrl-C reaches the whole group: the parent decides the order in which things stop
  process.on('SIGINT', () => {})
  process.on('SIGTERM', end)
  process.on('message', async ({ id, task, payload }: Request) => {
    try {
      process.send?.({ id, result: await handlers[task]?.(payload as never) })
    } catch (error) {
      const { code, message, todo, stack } = error as Error & { code?: string; todo?: string }
      process.send?.({ id, error: { code, message, todo, stack } })
    }
  })
}

/** An observation for the parent, outside of any request. */
export function tell(what: string, value: unknown): void {
  process.send?.({ what, value })
}

/** Milliseconds since 1970 with fractions: the same clock in every process of the machine. */
export const instant = (): number => performance.timeOrigin + performance.now()
