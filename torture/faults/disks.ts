/** What happens to the disk of an engine. */
import { readFile, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { StrandlineError } from '../../core/errors.ts'
import { diskMissing } from '../disk.ts'
import type { Fault } from './fault.ts'

const FELT_MS = 60_000
/** Whoever watches an engine tries to start it on the full disk, too. */
const TRIED_MS = 15_000

const full = (name: 'kafka' | 'postgres', title: string): Fault => ({
  kind: `full_disk_${name}`,
  about: `the disk of ${title} is full until it says so, and some seconds longer; where it ended it is started on it, and again once there is room`,
  missing: diskMissing,
  disk: true,
  targets: (stage) => (name === 'kafka' ? stage.brokers.map((b) => b.name) : [name]),
  holds: () => [name],
  lasts: [2_000, 10_000],
  async begin(stage, target) {
    const { logFile, disk } = stage.engine(target)
    const { size } = await stat(logFile)
    disk!.fill()
    for (const until = Date.now() + FELT_MS; ; await sleep(100)) {
      const said = (await readFile(logFile)).subarray(size).toString()
      if (said.includes('No space left on device')) return
      if (Date.now() > until)
        throw new StrandlineError('ENGINE_FAILED', `${title} has not felt its full disk for ${FELT_MS / 1000} s.`)
    }
  },
  async end(stage, target) {
    const engine = stage.engine(target)
    if (engine.ended()) await engine.up(AbortSignal.timeout(TRIED_MS)).catch(() => {})
    engine.disk!.free()
    await engine.revive()
  },
})

export const DISK_FAULTS: Fault[] = [full('kafka', 'Kafka'), full('postgres', 'PostgreSQL')]
