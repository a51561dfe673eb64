/** A store whose answers are a loop's signs of life: a loop that asks many questions in a row is alive while they are answered. */
import type { Loop } from '../liveness.ts'
import type { Store } from './store.ts'

export function beatingStore(store: Store, loop: Loop | undefined): Store {
  if (!loop) return store
  return {
    async rpc<T>(fn: string, args: Record<string, unknown>) {
      try {
        return await store.rpc<T>(fn, args)
      } finally {
        loop.beat()
      }
    },
  }
}
