/** Asks the server. What it refuses is a sentence, and what to do about it. */
import { useEffect, useRef, useState } from 'preact/hooks'

export class Refused extends Error {
  readonly status: number
  readonly code: string
  readonly todo: string | null

  constructor(status: number, code: string, message: string, todo: string | null) {
    super(message)
    this.status = status
    this.code = code
    this.todo = todo
  }
}

/** The token is a person's: it is kept for this tab alone, and shown nowhere. */
const TOKEN = 'strandline-token'
export const NEEDS_TOKEN = 'strandline:token'

export function tokenHeaders(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN)
  return token ? { authorization: `Bearer ${token}` } : {}
}

/** Whether a token was given before, which is not taken any more. */
export const hasToken = (): boolean => sessionStorage.getItem(TOKEN) !== null

/** Keeps a token that the server takes; false: it does not. Errors: Refused, where it could not be asked. */
export async function tryToken(token: string): Promise<boolean> {
  if (!/^[\x21-\x7e]+$/.test(token)) return false // no header can carry it
  const response = await fetch('/v1/page', { headers: { authorization: `Bearer ${token}` } }).catch(() => {
    throw away('')
  })
  if (response.status === 401) return false
  sessionStorage.setItem(TOKEN, token)
  return true
}

const away = (what: string) =>
  new Refused(0, 'AWAY', 'The page’s server does not answer.', `${what}Look whether ./strandline up (or page) runs.`)

/** Errors: Refused; where the server does not answer, with status 0. */
export async function ask<T>(path: string, options: { body?: unknown; signal?: AbortSignal } = {}): Promise<T> {
  const { body, signal } = options
  const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  const shown = tokenHeaders()
  let response: Response
  try {
    response = await fetch(path, { ...sent, headers: { ...shown, ...type }, signal })
  } catch (error) {
    if (signal?.aborted) throw error
    // the answer may be lost, and not the question
    throw away(body === undefined ? '' : 'What you asked for may be done or not: look before you ask again. ')
  }
  const text = await response.text()
  if (response.ok) return JSON.parse(text) as T
  throw refusalIn(response.status, text, shown)
}

/** @param shown the token that was sent along: one that was given meanwhile is not refused by this answer */
export function refusalIn(status: number, text: string, shown: Record<string, string> = tokenHeaders()): Refused {
  if (status === 401 && shown.authorization === tokenHeaders().authorization) dispatchEvent(new Event(NEEDS_TOKEN))
  try {
    const { error } = JSON.parse(text)
    return new Refused(status, error.code, error.message, error.todo ?? null)
  } catch {
    return new Refused(status, 'INTERNAL', `The server answered ${status}.`, null)
  }
}

export interface Answered<T> {
  /** The last answer, also while the next one is waited for. */
  value: T | undefined
  error: Refused | undefined
  /** A question is under way. */
  asking: boolean
  /** Asks once more. */
  again(): void
}

const RETRY_MS = 2_000

/** The answer to a question, asked again when it changes; null asks nothing. What is away is asked after until it answers. */
export function useAnswer<T>(path: string | null, body?: unknown): Answered<T> {
  const [state, set] = useState<Omit<Answered<T>, 'again'>>({
    value: undefined,
    error: undefined,
    asking: path !== null,
  })
  const [turn, setTurn] = useState(0)
  const asked = useRef('')
  const sent = body === undefined ? '' : JSON.stringify(body)
  useEffect(() => {
    if (path === null) return set({ value: undefined, error: undefined, asking: false })
    const ending = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const question = `${path.split('?')[0]}`
    set((before) => ({
      value: asked.current === question ? before.value : undefined,
      error: undefined,
      asking: true,
    }))
    asked.current = question
    ask<T>(path, { body, signal: ending.signal }).then(
      (value) => set({ value, error: undefined, asking: false }),
      (error) => {
        if (ending.signal.aborted) return
        const known = error instanceof Refused ? error : new Refused(0, 'INTERNAL', String(error), null)
        const refused = known.code === 'AWAY' ? away('It is asked again. ') : known
        set((before) => ({ value: before.value, error: refused, asking: false }))
        if (refused.status === 0 || refused.status === 503) timer = setTimeout(() => setTurn((n) => n + 1), RETRY_MS)
      },
    )
    return () => {
      ending.abort()
      clearTimeout(timer)
    }
  }, [path, sent, turn])
  return { ...state, again: () => setTurn((n) => n + 1) }
}
