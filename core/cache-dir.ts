/** Where files lie that can be made again: what was downloaded, what was read out of a log. */
import { homedir } from 'node:os'
import { join } from 'node:path'

export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  return env.STRANDLINE_CACHE_DIR?.trim() || join(env.XDG_CACHE_HOME?.trim() || join(homedir(), '.cache'), 'strandline')
}
