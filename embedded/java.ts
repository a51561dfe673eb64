/** Finds a Java that can run Kafka. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { StrandlineError } from '../core/errors.ts'

const OLDEST = 17
const TODO = `Install Java ${OLDEST} or later (e.g. apt install default-jre-headless, brew install openjdk), set JAVA_HOME to one, or set KAFKA_BROKERS to use another cluster.`

export interface Java {
  /** JAVA_HOME's, else the one on PATH. */
  path: string
  /** What it says of its version and build. */
  banner: string
}

/** Errors: JAVA_MISSING when there is none, it does not run, or it is older than 17. */
export async function findJava(env: NodeJS.ProcessEnv = process.env): Promise<Java> {
  const home = env.JAVA_HOME?.trim()
  const java = home ? join(home, 'bin', 'java') : 'java'
  const where = home ? `in JAVA_HOME (${home})` : 'on the PATH'
  let banner: string
  try {
    // The version goes to standard error; a machine without fonts or locales must not matter.
    banner = (await promisify(execFile)(java, ['-version'], { env: { ...env, JAVA_TOOL_OPTIONS: '' } })).stderr
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new StrandlineError(
      'JAVA_MISSING',
      absent ? `Kafka needs Java, and there is none ${where}.` : `Kafka needs Java, and the one ${where} does not run.`,
      {
        todo: TODO,
        cause,
      },
    )
  }
  const version = javaVersion(banner)
  if (version === undefined || version < OLDEST)
    throw new StrandlineError(
      'JAVA_MISSING',
      `Kafka needs Java ${OLDEST} or later, and the one ${where} is ${version ?? 'of unknown version'}.`,
      { todo: TODO },
    )
  return { path: java, banner }
}

/** The feature version in what `java -version` says: 8 for "1.8.0_402", 17 for "17.0.15". */
export function javaVersion(banner: string): number | undefined {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(banner) ?? []
  if (first === undefined) return undefined
  return first === '1' ? Number(second) : Number(first)
}
