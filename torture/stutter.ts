/** Processes that stand still for most of the time, in pieces, and do all that is asked of them in the end. */

const STANDS_MS = 180
const GOES_MS = 20

export interface Stutter {
  begin(): void
  end(): void
}

/** @param pids asked for each piece: sessions come and go */
export function createStutter(pids: () => number[]): Stutter {
  let timer: NodeJS.Timeout | undefined
  let stopped: number[] = []

  function stand(): void {
    stopped = pids()
    signalAll(stopped, 'SIGSTOP')
    timer = setTimeout(go, STANDS_MS)
  }
  function go(): void {
    signalAll(stopped, 'SIGCONT')
    stopped = []
    timer = setTimeout(stand, GOES_MS)
  }

  return {
    begin: stand,
    end() {
      clearTimeout(timer)
      signalAll(stopped, 'SIGCONT')
      stopped = []
    },
  }
}

/** Those that still live. */
export function signalAll(pids: number[], signal: NodeJS.Signals): void {
  for (const pid of pids)
    try {
      process.kill(pid, signal)
    } catch {
      // it has ended
    }
}
