/**
 * Virtual time. What is to happen lies in a queue by its time, and of one time in the order in which it came; between two of them everything runs that can
 * run without waiting. So the same program with the same chance takes the same steps, however long a step takes.
 */
export interface Scheduler {
  /** ms since 1970-01-01 UTC. */
  now(): number
  after(ms: number, work: () => void): void
  /** Resolves to true once `done` says so; to false when the virtual time `deadline` has come, or nothing is left to happen. */
  run(done: () => boolean, deadline: number): Promise<boolean>
}

interface Event {
  at: number
  number: number
  work: () => void
}

export function createScheduler(start: number): Scheduler {
  const queue: Event[] = []
  let now = start
  let number = 0

  const before = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.number < b.number)

  function push(event: Event): void {
    let i = queue.push(event) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!before(event, queue[parent]!)) break
      queue[i] = queue[parent]!
      i = parent
    }
    queue[i] = event
  }

  function pop(): Event {
    const first = queue[0]!
    const last = queue.pop()!
    if (queue.length === 0) return first
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= queue.length) break
      if (child + 1 < queue.length && before(queue[child + 1]!, queue[child]!)) child++
      if (!before(queue[child]!, last)) break
      queue[i] = queue[child]!
      i = child
    }
    queue[i] = last
    return first
  }

  return {
    now: () => now,
    after: (ms, work) => push({ at: now + Math.max(0, ms), number: number++, work }),
    async run(done, deadline) {
      for (;;) {
        await settled()
        if (done()) return true
        if (queue.length === 0 || queue[0]!.at > deadline) return false
        const event = pop()
        now = event.at
        event.work()
      }
    },
  }
}

/** Node asks its tick queue when no microtask is left: whatever could go on has gone on. */
const settled = () => new Promise<void>((resolve) => process.nextTick(resolve))
