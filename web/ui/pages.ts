/** The answer to a question that comes in pages: the first at once, others as they come into sight. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { ask, Refused } from '../api.ts'

export const PAGE = 200
const RETRY_MS = 2_000

export interface Pages<T, Row> {
  /** The first page, with all that the answer says beside its rows; also while the next answer is waited for. */
  first: T | undefined
  /** undefined: not here yet. */
  rows: readonly (Row | undefined)[]
  total: number
  error: Refused | undefined
  asking: boolean
  /** Asks for the page of this row. */
  need(row: number): void
}

interface State<T, Row> {
  path: string
  first: T | undefined
  rows: (Row | undefined)[]
  total: number
  error: Refused | undefined
  asking: boolean
}

/**
 * @param path without offset and limit
 * @param everyMs asks again so often while nobody has gone beyond the first page; 0: never
 */
export function usePages<T extends { total: number }, Row>(
  path: string,
  rowsOf: (answer: T) => readonly Row[],
  everyMs = 0,
): Pages<T, Row> {
  const [state, set] = useState<State<T, Row>>({
    path,
    first: undefined,
    rows: [],
    total: 0,
    error: undefined,
    asking: true,
  })
  const [turn, setTurn] = useState(0)
  const under = useRef(new Set<number>())
  const ending = useRef(new AbortController())

  useEffect(() => {
    const mine = new AbortController()
    ending.current = mine
    under.current = new Set([0])
    let timer: ReturnType<typeof setTimeout> | undefined
    const again = (ms: number) => {
      timer = setTimeout(() => setTurn((n) => n + 1), ms)
    }
    set((before) => ({ ...before, asking: true }))
    ask<T>(pageOf(path, 0), { signal: mine.signal }).then(
      (first) => {
        set({ path, first, rows: [...rowsOf(first)], total: first.total, error: undefined, asking: false })
        if (everyMs > 0)
          timer = setInterval(() => {
            if (under.current.size === 1 && !document.hidden) setTurn((n) => n + 1)
          }, everyMs)
      },
      (error) => {
        if (mine.signal.aborted) return
        const refused = refusalOf(error)
        set((before) => ({ ...before, error: refused, asking: false }))
        if (refused.status === 0 || refused.status === 503) again(RETRY_MS)
      },
    )
    return () => {
      mine.abort()
      clearTimeout(timer)
      clearInterval(timer)
    }
  }, [path, turn, everyMs])

  const need = (row: number) => {
    const page = Math.floor(row / PAGE)
    if (state.path !== path || under.current.has(page)) return
    under.current.add(page)
    const { signal } = ending.current
    ask<T>(pageOf(path, page), { signal }).then(
      (answer) =>
        set((before) => {
          if (signal.aborted) return before
          const rows = [...before.rows]
          for (const [i, found] of rowsOf(answer).entries()) rows[page * PAGE + i] = found
          return { ...before, rows, total: answer.total, error: undefined }
        }),
      (error) => {
        if (signal.aborted) return
        set((before) => ({ ...before, error: refusalOf(error) }))
        setTimeout(() => {
          under.current.delete(page)
          set((before) => ({ ...before, rows: [...before.rows] })) // the table looks again
        }, RETRY_MS)
      },
    )
  }
  const { first, rows, total, error, asking } = state
  return { first, rows, total, error, asking, need }
}

const pageOf = (path: string, page: number) =>
  `${path}${path.includes('?') ? '&' : '?'}offset=${page * PAGE}&limit=${PAGE}`
const refusalOf = (error: unknown) =>
  error instanceof Refused ? error : new Refused(0, 'INTERNAL', String(error), null)
