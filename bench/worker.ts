/** Processes of the benchmark: each thing that is measured runs in a process of its own, and is asked over IPC. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type ErrorCode, StrandlineError } from '../core/errors.ts'
import { NODE_FLAGS } from '../core/node-flags.ts'

export interface Worker {
  pid: number
  /** Runs a task of the worker. Errors: the worker's own; ENGINE_FAILED when it died. */
  ask<T>(task: string, payload?: object): Promise<T>
  /** Hears what the worker tells outside of answers. */
  hear(what: string, listener: (value: never) => void): void
  stop(): Promise<void>
}

export type WorkerName = 'engines' | 'producer' | 'reader' | 'learner' | 'fed-learner' | 'replay'

interface Answer {
  id?: number
  result?: unknown
  error?: { code?: ErrorCode; message: string; todo?: string; stack?: string }
  what?: string
  value?: unknown
}

export function startWorker(name: WorkerName, env: NodeJS.ProcessEnv = {}): Worker {
  const child = fork(fileURLToPath(new URL(`./workers/${name}.ts`, import.meta.url)), {
    env: { ...process.env, ...env },
    // as `./strandline up` runs its services
    execArgv: NODE_FLAGS,
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  const listeners = new Map<string, (value: never) => void>()
  let last = 0
  let stopping = false

  child.on('message', ({ id, result, error, what, value }: Answer) => {
    if (what !== undefined) return listeners.get(what)?.(value as never)
    const call = waiting.get(id as number)
    waiting.delete(id as number)
    if (!error) return call?.resolve(result as never)
    const cause = Object.assign(new Error(error.message), { stack: error.stack })
    call?.reject(error.code ? new StrandlineError(error.code, error.message, { todo: error.todo, cause }) : cause)
  })
  const exited = once(child, 'exit').then(([code, signal]) => {
    const why = `The ${name} process of the benchmark ended (${signal ?? `exit code ${code}`}).`
    for (const { reject } of waiting.values()) reject(new StrandlineError('ENGINE_FAILED', why))
    waiting.clear()
  })

  return {
    pid: child.pid as number,
    ask: (task, payload = {}) =>
      new Promise((resolve, reject) => {
        if (!child.connected) return reject(new StrandlineError('ENGINE_FAILED', `The ${name} process is gone.`))
        waiting.set(++last, { resolve, reject })
        child.send({ id: last, task, payload })
      }),
    hear: (what, listener) => void listeners.set(what, listener),
    async stop() {
      if (!stopping && child.connected) child.disconnect()
      stopping = true
      await exited
    },
  }
}
