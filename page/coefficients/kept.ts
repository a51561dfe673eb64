/** Answers that take long to make and are asked for again: made once at a time, and kept while there is room. */
import { LRUCache } from 'lru-cache'

export interface Kept<T> {
  /** The one of this key; where there is none, it is made. A failure is not kept. */
  get(key: string, make: () => Promise<T>): Promise<T>
}

/** @param room of all together, in what `sizeOf` counts; a single one that is larger is kept alone */
export function createKept<T extends object>(room: number, sizeOf: (value: T) => number): Kept<T> {
  const kept = new LRUCache<string, T>({
    maxSize: room,
    sizeCalculation: (value) => Math.min(room, Math.max(1, sizeOf(value))),
  })
  const making = new Map<string, Promise<T>>()
  return {
    async get(key, make) {
      const known = kept.get(key)
      if (known) return known
      let made = making.get(key)
      if (!made) {
        made = make().finally(() => making.delete(key))
        making.set(key, made)
      }
      const value = await made
      kept.set(key, value)
      return value
    },
  }
}
