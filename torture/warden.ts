/** Outlives a run that is killed: a process of its own that ends what the run left behind, and removes its folder. */
import { execFileSync, fork } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from '../core/node-flags.ts'
import { findProcesses } from '../core/processes.ts'

const ROUNDS = 20
const ROUND_MS = 250

/** Watches over a folder until this process ends. Resolves to what sends it away: all is cleared up, or shall stay. */
export function startWarden(folder: string): () => void {
  const child = fork(fileURLToPath(import.meta.url), [folder], {
    execArgv: NODE_FLAGS,
    detached: true, // whoever kills our process group does not mean it
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  child.on('error', () => {})
  child.unref()
  child.channel?.unref()
  return () => {
    child.removeAllListeners('error')
    if (child.connected) child.send('done', () => child.disconnect())
  }
}

/** What only the parts of this run have in their command line; the rest of it ends with the channel to its parent. */
function partsOf(folder: string): number[] {
  const engines = readdirSync(folder).flatMap((name) => {
    const dir = join(folder, name)
    const cluster = join(dir, 'cluster')
    return [
      `-Dstrandline.kafka=${dir}`,
      `--config ${join(dir, 'format.properties')}`,
      `-D ${cluster}`,
      `-D ${cluster}.initialising`,
    ]
  })
  return [`--child-of ${folder}`, ...engines].flatMap(findProcesses)
}

async function clear(folder: string): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const pids = partsOf(folder)
    for (const pid of pids)
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // gone already
      }
    if (pids.length === 0 && round > 0) break // one that was just about to start has done so
    await sleep(ROUND_MS)
  }
  const mounts = existsSync('/proc/mounts') ? readFileSync('/proc/mounts', 'utf8') : ''
  for (const line of mounts.split('\n')) {
    const at = line.split(' ')[1]
    if (at?.startsWith(`${folder}/`)) execFileSync('umount', ['--lazy', at], { stdio: 'ignore' })
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2]!
  process.once('message', () => process.exit())
  process.once('disconnect', () => clear(folder).finally(() => process.exit()))
}
