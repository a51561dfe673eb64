/** Kafka's jars: pinned by kafka-jars.lock.json, fetched once into a cache that all projects of this user share. */
import { createHash, randomUUID } from 'node:crypto'
import { readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type mvn from 'mvn-artifact-download'
import { cacheDir } from '../core/cache-dir.ts'
import { StrandlineError } from '../core/errors.ts'
import { tellDuring } from '../core/teller.ts'
import { openFolder } from './data-dir.ts'
import lock from './kafka-jars.lock.json' with { type: 'json' }

// CommonJS with an ES default export inside, which Node and vitest unwrap differently: required, it is the same for both.
const { default: download } = createRequire(import.meta.url)('mvn-artifact-download') as { default: typeof mvn.default }

export interface Jar {
  /** Maven coordinates, group:artifact:version. */
  artifact: string
  sha256: string
  bytes: number
}

export interface KafkaJars {
  version: string
  dir: string
  /** For java -cp. */
  classpath: string
}

export interface KafkaJarsOptions {
  cacheDir?: string
  /** Another Maven repository's URL; the public one by default. */
  repository?: string
  jars?: Jar[]
  /** Kafka's version where `jars` is given. */
  version?: string
  /** Called as files arrive, not at all when all are there. */
  onProgress?: (done: number, total: number, bytes: number, totalBytes: number) => void
  /** Milliseconds without a byte after which a download counts as stuck. */
  stallMs?: number
  /** Hears every so often that it still goes on. */
  say?(sentence: string): void
  signal?: AbortSignal
}

const CACHE = {
  what: 'cache folder',
  todo: 'Set STRANDLINE_CACHE_DIR to another folder, or make this one usable.',
  written: true,
}
const AT_ONCE = 4
const TRIES = 3

/**
 * The pinned jars, downloaded where missing or damaged. Every file is checked at every start (0.2 s), and gets its name only once it is right, so that
 * an interrupted download leaves nothing wrong and several processes may do this at once.
 * Errors: DOWNLOAD_FAILED.
 */
export async function ensureKafkaJars(options: KafkaJarsOptions = {}): Promise<KafkaJars> {
  const {
    jars = lock.jars,
    version = lock.kafka,
    repository = process.env.STRANDLINE_MAVEN_REPOSITORY?.trim() || undefined,
    stallMs = 30_000,
    onProgress,
    say,
    signal,
  } = options
  const dir = join(options.cacheDir ?? cacheDir(), 'kafka', version)
  await openFolder(dir, { ...CACHE, written: false })
  const there = await Promise.all(jars.map((jar) => matches(join(dir, fileName(jar)), jar)))
  const missing = jars.filter((_, i) => !there[i])
  const queue = [...missing]
  const totalBytes = missing.reduce((sum, jar) => sum + jar.bytes, 0)
  let done = 0
  let bytes = 0
  if (missing.length > 0) {
    await openFolder(dir, CACHE)
    onProgress?.(0, missing.length, 0, totalBytes)
  }
  const workers = Array.from({ length: AT_ONCE }, async () => {
    for (let jar = queue.shift(); jar; jar = queue.shift()) {
      await unlessAborted(fetchJar(jar, dir, repository, stallMs), signal)
      bytes += jar.bytes
      onProgress?.(++done, missing.length, bytes, totalBytes)
    }
  })
  try {
    await tellDuring(Promise.all(workers), say, () => `Downloading Kafka: ${done} of ${missing.length} files so far`)
  } catch (error) {
    queue.length = 0
    if (!signal?.aborted) await Promise.allSettled(workers)
    throw error
  }
  return { version, dir, classpath: jars.map((jar) => join(dir, fileName(jar))).join(':') }
}

/** A download that is under way cannot be stopped, but nobody has to wait for it. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  signal.throwIfAborted()
  let give: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    give = () => reject(signal.reason)
    signal.addEventListener('abort', give, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', give!)
  }
}

function fileName({ artifact }: Jar): string {
  const [, name, version] = artifact.split(':')
  return `${name}-${version}.jar`
}

async function matches(path: string, jar: Jar): Promise<boolean> {
  const size = await stat(path).then(
    (s) => s.size,
    () => -1,
  )
  if (size !== jar.bytes) return false
  return (
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex') === jar.sha256
  )
}

async function fetchJar(jar: Jar, dir: string, repository: string | undefined, stallMs: number): Promise<void> {
  const draft = `${fileName(jar)}.${randomUUID()}.part`
  const path = join(dir, draft)
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await withStallCheck(path, stallMs, download(jar.artifact, dir, repository, draft, { timeout: stallMs }))
        break
      } catch (cause) {
        const said = (cause as Error).message
        if (attempt < TRIES && !/Status 4\d\d/.test(said)) {
          await sleep(500 * attempt)
          continue
        }
        throw new StrandlineError(
          'DOWNLOAD_FAILED',
          `Kafka's file ${fileName(jar)} could not be downloaded: ${said}.`,
          {
            todo: 'Check the network (or set STRANDLINE_MAVEN_REPOSITORY to a mirror) and run this again; what has arrived is kept.',
            cause,
          },
        )
      }
    }
    if (!(await matches(path, jar)))
      throw new StrandlineError(
        'DOWNLOAD_FAILED',
        `Kafka's file ${fileName(jar)} arrived damaged: its checksum is not the pinned one.`,
        {
          todo: 'Run this again; if it stays so, something between here and the Maven repository changes files.',
        },
      )
    await rename(path, join(dir, fileName(jar)))
  } finally {
    await rm(path, { force: true })
  }
}

/** The downloader waits for ever when a connection dies in the middle of a file: look whether the file still grows. */
async function withStallCheck(path: string, stallMs: number, work: Promise<string>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const stalled = new Promise<never>((_, reject) => {
    let last = -1
    timer = setInterval(async () => {
      const size = await stat(path).then(
        (s) => s.size,
        () => 0,
      )
      if (size === last) reject(new Error(`nothing came for ${stallMs / 1000} s`))
      last = size
    }, stallMs)
  })
  try {
    await Promise.race([work, stalled])
  } finally {
    clearInterval(timer)
  }
}
