/** Which services run, in memory: the rules of `strandline_present`, and what `strandline.running_services` shows. */
import type { PresenceStore, RunningService } from '../presence-store.ts'
import type { MemoryDatabase } from './database.ts'

const FORGOTTEN_MS = 30_000
const DELETED_MS = 86_400_000

const servicesOf = (db: MemoryDatabase) => db.table<RunningService & { seen_at: number }>('services')

export const createMemoryPresence = (db: MemoryDatabase): PresenceStore => ({
  announce: async (running) =>
    db.transaction(() => {
      const services = servicesOf(db)
      for (const { instance, seen_at } of services.rows())
        if (seen_at < db.now() - DELETED_MS) services.remove(instance)
      services.put(running.instance, { ...running, ...services.get(running.instance), seen_at: db.now() })
    }),
  withdraw: async (instance) => db.transaction(() => servicesOf(db).remove(instance)),
})

export const runningServices = (db: MemoryDatabase): Omit<RunningService, 'instance'>[] =>
  servicesOf(db)
    .rows()
    .filter(({ seen_at }) => seen_at > db.now() - FORGOTTEN_MS)
    .map(({ service, place }) => ({ service, place }))
