/** Asks vitest's main process for an engine, which starts it if it has not yet. Of some engines each worker of the run has its own (engine-desk.ts). */
import { inject } from 'vitest'
import { WORKER } from './engine-desk.ts'

export async function askEngine<T>(name: 'postgres' | 'kafka'): Promise<T> {
  const response = await fetch(`${inject('engines')}/${name}`, { headers: worker() })
  const text = await response.text()
  if (!response.ok) throw new Error(`The test engine ${name} did not start: ${text}`)
  return JSON.parse(text) as T
}

/** Has something done to an engine of the run, e.g. the crash of a container. */
export async function actOnEngine(name: 'postgres' | 'kafka', action: 'crash'): Promise<void> {
  const response = await fetch(`${inject('engines')}/${name}/${action}`, {
    method: 'POST',
    headers: worker(),
  })
  if (!response.ok) throw new Error(`${name}: ${await response.text()}`)
}

const worker = () => ({ [WORKER]: process.env.VITEST_POOL_ID ?? '1' })
