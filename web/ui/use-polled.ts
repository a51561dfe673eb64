/** An answer that is asked for again every few seconds, while somebody can see it. */
import { useEffect } from 'preact/hooks'
import { type Answered, useAnswer } from '../api.ts'

/** @param ms between an answer and the next question */
export function usePolled<T>(path: string | null, ms = 2_000): Answered<T> {
  const answered = useAnswer<T>(path)
  const { asking, again } = answered
  useEffect(() => {
    if (path === null || asking) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = () => {
      clearTimeout(timer)
      if (document.visibilityState === 'visible') timer = setTimeout(again, ms)
    }
    look()
    document.addEventListener('visibilitychange', look)
    return () => {
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', look)
    }
  }, [path, asking, ms])
  return answered
}
