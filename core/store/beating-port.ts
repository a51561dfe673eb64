/** A port whose answers are a loop's signs of life: a loop that asks many questions in a row is alive while they are answered. */
import type { Loop } from '../liveness.ts'

export function beatingPort<Port extends object>(port: Port, loop: Loop | undefined): Port {
  if (!loop) return port
  const beating =
    (ask: (...args: never[]) => Promise<unknown>) =>
    (...args: never[]) =>
      ask(...args).finally(() => loop.beat())
  return Object.fromEntries(Object.entries(port).map(([name, ask]) => [name, beating(ask)])) as Port
}
