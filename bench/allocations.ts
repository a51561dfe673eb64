/** What is allocated while `work` runs, what the collector has taken since included: V8's sampling of it, exact to a few bytes in a thousand. */
import { Session } from 'node:inspector/promises'

interface Node {
  selfSize: number
  children: Node[]
}

const EACH_BYTES = 8_192

export async function allocatedBytes(work: () => Promise<unknown>): Promise<number> {
  const session = new Session()
  session.connect()
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: EACH_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  })
  await work()
  const { profile } = await session.post('HeapProfiler.stopSampling')
  session.disconnect()
  return sizeOf(profile.head)
}

const sizeOf = ({ selfSize, children }: Node): number => children.reduce((sum, child) => sum + sizeOf(child), selfSize)
