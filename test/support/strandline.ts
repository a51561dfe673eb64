/** Runs ./strandline as a person does. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { isPortFree } from '../../core/ports.ts'

export const STRANDLINE = fileURLToPath(new URL('../../strandline', import.meta.url))

export interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunningCommand {
  child: ChildProcess
  stdout(): string
  stderr(): string
  /** Resolves when the text has appeared on standard error; rejects when the command ends before. */
  says(text: string | RegExp): Promise<void>
  ended: Promise<Outcome>
}

/** None of the environment's engines: only what `env` names. */
function environment(env: Record<string, string>): NodeJS.ProcessEnv {
  const {
    KAFKA_BROKERS,
    SCHEMA_REGISTRY_URL,
    SUPABASE_URL,
    SUPABASE_SERVICE_ROLE_KEY,
    DATABASE_URL,
    LOG_LEVEL,
    ...rest
  } = process.env
  return { ...rest, ...env }
}

interface CommandOptions {
  env?: Record<string, string>
  cwd?: string
  /** Nobody reads its standard output, as behind `| true`. */
  unread?: boolean
}

export function startCommand(args: string[], { env = {}, cwd, unread }: CommandOptions = {}): RunningCommand {
  const child = spawn(STRANDLINE, args, { cwd, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] })
  if (unread) child.stdout?.destroy()
  const out = { stdout: '', stderr: '' }
  const watchers = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const)
    child[name]!.on('data', (chunk) => {
      out[name] += chunk
      for (const look of watchers) look()
    })
  const ended = once(child, 'close').then(([code]): Outcome => ({ code: code as number | null, ...out }))
  return {
    child,
    stdout: () => out.stdout,
    stderr: () => out.stderr,
    ended,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (typeof text === 'string' ? !out.stderr.includes(text) : !text.test(out.stderr)) return
          watchers.delete(look)
          resolve()
        }
        watchers.add(look)
        look()
        ended.then(({ code, stderr }) =>
          reject(new Error(`it ended with ${code} and never said ${text}; it said: ${stderr}`)),
        )
      }),
  }
}

export function runCommand(args: string[], options: CommandOptions = {}): Promise<Outcome> {
  return startCommand(args, options).ended
}

/** A base port whose ports are all free now, somewhere else for each process and call. */
export async function freeBasePort(): Promise<number> {
  for (;;) {
    const base = 20_000 + Math.floor(Math.random() * 500) * 20
    const free = await Promise.all(Array.from({ length: 15 }, (_, i) => isPortFree(base + i)))
    if (free.every(Boolean)) return base
  }
}
