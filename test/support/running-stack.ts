/** A folder in which commands find a running stack: this process, with these settings. */
import { mkdir } from 'node:fs/promises'
import { lockDataDir, writeStack } from '../../core/stack/stack-file.ts'

/** Resolves to what ends it. */
export async function runningStack(
  dataDir: string,
  env: Record<string, string>,
  services: Record<string, string> = {},
): Promise<() => Promise<void>> {
  await mkdir(dataDir, { recursive: true })
  const release = await lockDataDir(dataDir, 'a test')
  await writeStack(dataDir, { pid: process.pid, started_at: new Date().toISOString(), env, services, pids: {} })
  return release
}
