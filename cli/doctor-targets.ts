/** What the doctor looks at: what the environment names, or the running stack. Engines of two stacks are never mixed. Pure. */
import {
  readKafkaConfig,
  readLoopConfig,
  readRegistryConfig,
  readSupabaseConfig,
  requirePostgresUrl,
} from '../core/config.ts'
import { explain, findStrandlineError } from '../core/errors.ts'
import { tokenHeader } from '../core/http-guard.ts'
import type { StackDescription } from '../core/stack/stack-file.ts'
import { error, type Finding, info, warning } from '../doctor/finding.ts'
import type { Targets } from '../doctor/targets.ts'
import {
  contradiction,
  definedOnly,
  ENGINE_SETTINGS,
  environmentEngines,
  ofRunning,
  sameSetting,
  withoutEngines,
  withoutSecrets,
} from './stack-choice.ts'

type Env = Record<string, string | undefined>

export interface TargetQuestion {
  /** Full path of the stack's folder. */
  dataDir: string
  /** Whether somebody named the folder. */
  explicit: boolean
  /** --database-url. */
  databaseUrl?: string
  env: Env
  /** The stack that runs in the folder. */
  running: Pick<StackDescription, 'env' | 'services' | 'pid'> | undefined
}

/** Errors: USAGE where the folder and what is named contradict. */
export function chooseTargets({ dataDir, explicit, databaseUrl, env, running }: TargetQuestion): Targets {
  const given: Env = { ...env, ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }) }
  const named = ENGINE_SETTINGS.filter((name) => given[name]?.trim())
  const others = named.filter((name) => !sameSetting(given[name], running?.env[name]))
  if (explicit && others.length > 0) throw contradiction(dataDir, others, given, running)
  if (running && others.length === 0) {
    const all = ofRunning(running.env, definedOnly(withoutEngines(given)))
    return targetsOf(
      all,
      `Stack: ${dataDir} (running, process ${running.pid})`,
      running.services as Record<string, string>,
      [],
    )
  }
  if (named.length === 0)
    return targetsOf({}, `Stack: ${dataDir}`, {}, [
      error(
        'settings',
        `No stack runs in ${dataDir}, and the environment names none.`,
        `Start it (./strandline up), name its folder with --data-dir, or set ${ENGINE_SETTINGS.join(', ')}.`,
      ),
    ])
  return targetsOf(definedOnly(given), nameOf(given), {}, [])
}

function nameOf(env: Env): string {
  const engines = environmentEngines(['kafka', 'registry', 'database'], env)
  const database = env.DATABASE_URL?.trim()
  return `Stack: ${[...(database ? [`the database ${withoutSecrets(database)}`] : []), ...(engines ? [engines] : [])].join(', ')}`
}

function targetsOf(env: Env, name: string, services: Record<string, string>, first: Finding[]): Targets {
  const findings = [...first]
  const part = <T>(read: (env: Env) => T): T | undefined => {
    try {
      return read(env)
    } catch (cause) {
      const { message, todo = null } = findStrandlineError(cause) ?? { message: explain(cause) }
      findings.push(error('settings', message, todo))
      return undefined
    }
  }
  const has = (setting: string) => Boolean(env[setting]?.trim())
  const database = env.DATABASE_URL?.trim()
  const databaseUrl = database ? part(() => requirePostgresUrl(database, 'The database URL')) : undefined
  const supabase = has('SUPABASE_URL') || has('SUPABASE_SERVICE_ROLE_KEY') ? part(readSupabaseConfig) : undefined
  const kafka = has('KAFKA_BROKERS') ? part(readKafkaConfig) : undefined
  const registry = has('SCHEMA_REGISTRY_URL') ? part(readRegistryConfig) : undefined
  const config = part(readLoopConfig) ?? readLoopConfig({})
  const headers = part(tokenHeader) ?? {}
  if (first.length === 0) {
    const unnamed = [
      ...(has('SUPABASE_URL') || has('SUPABASE_SERVICE_ROLE_KEY')
        ? []
        : ['the API (SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY)']),
      ...(has('KAFKA_BROKERS') ? [] : ['Kafka (KAFKA_BROKERS)']),
      ...(has('SCHEMA_REGISTRY_URL') ? [] : ['the schema registry (SCHEMA_REGISTRY_URL)']),
      ...(database || has('SUPABASE_URL') ? [] : ['the database (DATABASE_URL)']),
    ]
    // who names a database alone asks after it alone
    const onlyDatabase = database !== undefined && unnamed.length === 3
    if (unnamed.length > 0)
      findings.push(
        (onlyDatabase ? info : warning)(
          'settings',
          `Not looked at, since nothing names ${unnamed.length === 1 ? 'it' : 'them'}: ${unnamed.join(', ')}.`,
          'Set what is missing, and look again.',
        ),
      )
  }
  return { name, databaseUrl, supabase, kafka, registry, config, services, headers, findings }
}
