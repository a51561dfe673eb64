/** V8's CPU profiler on the worker's own main thread. */
import inspector from 'node:inspector/promises'
import { type Profile, type ProfileSummary, summarise } from '../stages.ts'

export interface Profiling {
  stop(): Promise<ProfileSummary>
}

export async function startProfiling(): Promise<Profiling> {
  const session = new inspector.Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.start')
  return {
    async stop() {
      const { profile } = await session.post('Profiler.stop')
      session.disconnect()
      return summarise(profile as Profile)
    },
  }
}
