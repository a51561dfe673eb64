/**
 * Which stack a command talks to. An explicit --data-dir wins over the environment, the environment over a stack that is found. What contradicts is an error,
 * and engines of two stacks are never mixed. Pure.
 */
import { StrandlineError } from '../core/errors.ts'
import type { Need } from '../core/stack/layout.ts'
import type { StackDescription } from '../core/stack/stack-file.ts'

type Env = Record<string, string | undefined>

export interface StackQuestion {
  /** Full path of the folder. */
  dataDir: string
  /** Whether somebody named the folder. */
  explicit: boolean
  /** The engines that the command works with. */
  needs: Need[]
  env: Env
  /** The stack that runs in the folder. */
  running: Pick<StackDescription, 'env' | 'pid'> | undefined
}

export interface StackChoice {
  /** environment: the engines that it names. running: the stack in the folder. folder: nothing runs there. */
  from: 'environment' | 'running' | 'folder'
  /** Settings, those of the engines from one source. */
  env: Env
  /** For a person: `Stack: …`, without secrets. */
  name: string
}

const URLS: Record<Need, string> = { kafka: 'KAFKA_BROKERS', registry: 'SCHEMA_REGISTRY_URL', database: 'SUPABASE_URL' }
const KEY = 'SUPABASE_SERVICE_ROLE_KEY'
/** All that says where engines are. */
export const ENGINE_SETTINGS = [...Object.values(URLS), KEY, 'DATABASE_URL']
/** What must be set where these engines are named by the environment. */
export const settingsOf = (needs: Need[]): string[] =>
  needs.flatMap((need) => (need === 'database' ? [URLS.database, KEY] : [URLS[need]]))
/**
 * The setting that names an engine. Of the database that is DATABASE_URL where the environment names no Supabase, and speaks of Strandline: alone it is what
 * any other program may have set.
 */
function urlName(need: Need, env: Env): string {
  const given = (name: string) => Boolean(env[name]?.trim())
  const speaks = given(URLS.kafka) || given(URLS.registry) || env.STRANDLINE_STORE?.trim() === 'direct'
  return need === 'database' && !given(URLS.database) && given('DATABASE_URL') && speaks ? 'DATABASE_URL' : URLS[need]
}

/** For `up`, which would start an embedded database beside one that somebody means: it takes none without its Supabase. Error: USAGE. */
export function requireSupabaseOfDatabase(env: Env): void {
  if (urlName('database', env) !== 'DATABASE_URL') return
  throw new StrandlineError(
    'USAGE',
    `DATABASE_URL is set (${withoutSecrets(env.DATABASE_URL as string)}), and ${URLS.database} is not: up works on no database that only its URL names.`,
    { todo: `Set ${URLS.database} and ${KEY} too, or unset DATABASE_URL for an embedded database.` },
  )
}

const ENGINES: Record<Need, string> = { kafka: 'Kafka', registry: 'schema registry', database: 'Supabase' }

/** Errors: USAGE where folder and environment contradict, CONFIG_INVALID for half an environment, STACK_BUSY where only a part of the stack runs. */
export function chooseStack({ dataDir, explicit, needs, env, running }: StackQuestion): StackChoice {
  const given = (name: string) => env[name]?.trim() || undefined
  const urls = new Map(needs.map((need) => [need, urlName(need, env)]))
  const named = [...urls.values()].filter(given)
  const settings = definedOnly(env)
  if (named.length > 0) {
    const others = named.filter((name) => !sameSetting(given(name), running?.env[name]))
    if (named.includes(URLS.database) && given(KEY) && !others.includes(URLS.database))
      if (!sameSetting(given(KEY), running?.env[KEY])) others.push(KEY)
    if (explicit && others.length > 0) throw contradiction(dataDir, others, env, running)
    if (others.length > 0 || !running) {
      const wanted = needs.flatMap((need) =>
        urls.get(need) === URLS[need] ? settingsOf([need]) : [urls.get(need) as string],
      )
      const missing = wanted.filter((name) => !given(name))
      if (missing.length > 0) throw half(named, missing)
      return { from: 'environment', env: settings, name: environmentName(needs, env) }
    }
  }
  const ownSettings = withoutEngines(settings)
  if (!running) return { from: 'folder', env: ownSettings, name: `Stack: ${dataDir}` }
  const lacking = needs.filter((need) => !running.env[URLS[need]])
  if (lacking.length > 0)
    throw new StrandlineError(
      'STACK_BUSY',
      `The stack in ${dataDir} runs without ${lacking.map((need) => ENGINES[need]).join(' and ')}: another command has started a part of it (process ${running.pid}).`,
      { todo: 'Wait until that one ends, or start all of it: ./strandline up.' },
    )
  return {
    from: 'running',
    env: ofRunning(running.env, ownSettings),
    name: `Stack: ${dataDir} (running, process ${running.pid})`,
  }
}

export function contradiction(
  dataDir: string,
  names: string[],
  env: Env,
  running: { pid: number } | undefined,
): StrandlineError {
  const there = names
    .map((name) => (name === KEY ? `${KEY} is another one` : `${name} names ${withoutSecrets(env[name] as string)}`))
    .join(', ')
  return new StrandlineError(
    'USAGE',
    `--data-dir names the stack in ${dataDir}${running ? '' : ', which does not run'}, and ${there}.`,
    { todo: `Drop --data-dir, or unset ${names.join(' ')}.` },
  )
}

function half(named: string[], missing: string[]): StrandlineError {
  return new StrandlineError(
    'CONFIG_INVALID',
    `${named.join(' and ')} ${named.length === 1 ? 'is' : 'are'} set, and ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not; engines of two stacks are not mixed.`,
    { todo: `Set ${missing.join(' and ')} too, or unset ${named.join(' ')}.` },
  )
}

const TOKENS = ['STRANDLINE_TOKEN', 'STRANDLINE_TOKEN_FILE']

/** The settings of a running stack, but for what somebody sets otherwise: a token with its file, a topic with its dead letters'. */
export function ofRunning(running: Env, own: Env): Env {
  const given = (...names: string[]) => names.some((name) => own[name]?.trim())
  const left = [
    ...(given(...TOKENS) ? TOKENS : []),
    ...(given('STRANDLINE_TOPIC') ? ['STRANDLINE_DEAD_LETTER_TOPIC'] : []),
  ]
  const theirs = Object.entries(running).filter(([name]) => !left.includes(name))
  return { ...Object.fromEntries(theirs), ...own }
}

/** The settings that do not say where engines are. */
export function withoutEngines(env: Env): Env {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ENGINE_SETTINGS.includes(name)))
}

/** What the environment names of these engines, for a person; null: none. */
export function environmentEngines(needs: Need[], env: Env): string | null {
  const engines = needs
    .map((need) => ({ need, name: urlName(need, env) }))
    .filter(({ name }) => env[name]?.trim())
    .map(
      ({ need, name }) =>
        `${name === 'DATABASE_URL' ? 'database' : ENGINES[need]} ${withoutSecrets(env[name] as string)}`,
    )
  return engines.length > 0 ? `${engines.join(', ')} (from the environment)` : null
}

export const environmentName = (needs: Need[], env: Env): string => `Stack: ${environmentEngines(needs, env)}`

/** A URL without user, password and query. */
export function withoutSecrets(url: string): string {
  if (!/^[a-z+]+:\/\//i.test(url.trim())) return url.trim()
  if (!URL.canParse(url.trim())) return '(no URL)'
  const { protocol, host, pathname } = new URL(url.trim())
  return `${protocol}//${host}${pathname.replace(/\/$/, '')}`
}

export const sameSetting = (a: string | undefined, b: string | undefined) =>
  a !== undefined && b !== undefined && a.replace(/\/+$/, '') === b.trim().replace(/\/+$/, '')

/** Without what is empty: an empty setting is none. */
export function definedOnly(env: Env): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]?.trim())))
}
