/** Asks vitest's main process for an engine, which starts it if it has not yet. Of some engines each process of the run has its own (engine-desk.ts). */
import { inject } from 'vitest'
import { ASKED_BY } from './engine-desk.ts'

const ASKER = { [ASKED_BY]: String(process.pid) }

export async function askEngine<T>(name: 'postgres' | 'kafka'): Promise<T> {
  const response = await fetch(`${inject('engines')}/${name}`, { headers: ASKER })
  const text = await response.text()
  if (!response.ok) throw new Error(`The test engine ${name} did not start: ${text}`)
  return JSON.parse(text) as T
}

/** Has something done to an engine of the run, e.g. the crash of a container. */
export async function actOnEngine(name: 'postgres' | 'kafka', action: 'crash'): Promise<void> {
  const response = await fetch(`${inject('engines')}/${name}/${action}`, {
    method: 'POST',
    headers: ASKER,
  })
  if (!response.ok) throw new Error(`${name}: ${await response.text()}`)
}
