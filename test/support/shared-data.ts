import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const shared = fileURLToPath(new URL('../../../shared/', import.meta.url))

/** Path of a file of the reference data beside the project, or null where that is absent; said once on stderr, as what needs it is skipped. */
export function sharedData(path: string): string | null {
  if (existsSync(shared + path)) return shared + path
  process.stderr.write(`SKIPPED: what needs ${shared}${path} does not run, as that is absent.\n`)
  return null
}
