/**
 * Kafka's classes as its JVM has them once they are loaded and checked, kept beside the jars, so that a start need not do that anew. Made by the first broker that stops
 * in peace. The JVM looks itself whether they are of its build and of these jars; but one that maps a damaged file dies, so its checksum is in its name.
 * https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html
 */
import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Java } from './java.ts'
import type { KafkaJars } from './kafka-jars.ts'

export interface KeptClasses {
  /** For the JVM. */
  arguments: string[]
  /** To be called once it has ended. @param inPeace it was not killed while it wrote */
  keep(inPeace: boolean): Promise<void>
}

const QUIET = '-Xlog:cds*=off'
const DRAFT = '.part'
/** A process that was killed before it could keep them leaves a draft. */
const ABANDONED_MS = 3_600_000

/** @param make whether they are made where there are none: the JVM then takes a few seconds longer to end */
export async function keptClasses({ dir }: Pick<KafkaJars, 'dir'>, java: Java, make: boolean): Promise<KeptClasses> {
  const name = `classes-${sha256(java.banner)}`
  const file = await undamaged(dir, name)
  if (file) return { arguments: [`-XX:SharedArchiveFile=${file}`, QUIET], keep: async () => {} }
  if (!make) return { arguments: [], keep: async () => {} }
  await removeAbandoned(dir)
  const draft = join(dir, `${name}.${randomUUID()}${DRAFT}`)
  const keep = async (inPeace: boolean) => {
    if (inPeace) await rename(draft, join(dir, `${name}-${sha256(await readFile(draft))}.jsa`))
    else await rm(draft, { force: true })
  }
  return {
    arguments: [`-XX:ArchiveClassesAtExit=${draft}`, QUIET],
    keep: (inPeace) => keep(inPeace).catch(() => {}), // it could not write: the next one tries
  }
}

const sha256 = (of: string | Buffer) => createHash('sha256').update(of).digest('hex').slice(0, 16)

async function undamaged(dir: string, name: string): Promise<string | null> {
  for (const found of await readdir(dir).catch(() => [])) {
    if (!found.startsWith(`${name}-`)) continue
    const file = join(dir, found)
    const content = await readFile(file).catch(() => null)
    if (content && found === `${name}-${sha256(content)}.jsa`) return file
    await rm(file, { force: true }).catch(() => {}) // in a folder that is only read it lies for ever
  }
  return null
}

async function removeAbandoned(dir: string): Promise<void> {
  const drafts = (await readdir(dir)).filter((name) => name.startsWith('classes-') && name.endsWith(DRAFT))
  for (const name of drafts) {
    const { mtimeMs } = await stat(join(dir, name)).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY })) // it was kept meanwhile
    if (Date.now() - mtimeMs > ABANDONED_MS) await rm(join(dir, name), { force: true }).catch(() => {})
  }
}
