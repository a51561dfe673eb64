/** The histories that are looked at, by model version: read once, then followed. */
import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.ts'
import { requireNoFile } from '../core/load-model.ts'
import { type FollowedHistory, followHistory } from '../replay/follow-history.ts'
import {
  type HistoryDeps,
  type NamedVersion,
  type OpenHistory,
  openedOf,
  sourceOf,
  versionNamed,
} from '../replay/open-history.ts'

/** Each takes about 300 bytes of memory a trade. */
const KEPT = 3

export interface Histories {
  /** As far as the log goes now. Errors: those of `openHistory`. @param name of a model or version; without: the active one */
  open(name?: string): Promise<OpenHistory>
  /** How far one is read that has not been read to its end yet; null: it is, or nobody has asked for it. */
  progress(name?: string): Promise<{ done: number; total: number } | null>
  stop(): Promise<void>
}

export function createHistories(deps: HistoryDeps & { clock: Clock }): Histories {
  const { store, config, clock } = deps
  const ended: Promise<void>[] = []
  const followed = new LRUCache<string, FollowedHistory>({
    max: KEPT,
    dispose: (history) => void ended.push(history.stop()),
  })
  const named = async (name?: string): Promise<NamedVersion> => {
    requireNoFile(name, 'Name a model that comes with Strandline or a version; the commands take a file.')
    return versionNamed(store, name)
  }
  const keyOf = ({ model, topic }: NamedVersion) => `${model.hash} ${topic ?? config.topic}`

  return {
    async open(name) {
      const version = await named(name)
      const key = keyOf(version)
      let history = followed.get(key)
      if (!history) {
        history = followHistory(sourceOf(deps, version), version.model, { clock, id: randomUUID() })
        followed.set(key, history)
      }
      return openedOf(store, version, await history.read(), config.topic)
    },
    async progress(name) {
      return followed.get(keyOf(await named(name)))?.progress() ?? null
    },
    async stop() {
      followed.clear()
      await Promise.all(ended)
    },
  }
}
