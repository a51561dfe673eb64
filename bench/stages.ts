/** Where the time goes: self time of a V8 CPU profile, by what the code is there for. Pure. */
import type { FunctionTime } from './database.ts'

export interface Profile {
  nodes: {
    id: number
    callFrame: { functionName: string; url: string; lineNumber: number }
    children?: number[]
  }[]
  samples?: number[]
  /** Microseconds since the sample before. */
  timeDeltas?: number[]
}

export interface ProfileSummary {
  /** Of the profiled time. */
  seconds: number
  groups: { group: string; seconds: number; share: number }[]
  functions: { name: string; place: string; group: string; seconds: number; share: number }[]
}

/** What the learner's process did in one run. */
export interface RunProfile {
  /** Its main thread. */
  learner: ProfileSummary
  /** Processor time: of the main thread, and of the whole process. */
  cpuSeconds: { main: number | null; process: number | null }
  /** Functions of the database. */
  sql: FunctionTime[]
}

/** First match wins. By folders, so that a file may move within its own, and by the end of a URL, so that the project may lie anywhere. */
const GROUPS: [group: string, pattern: RegExp][] = [
  ['idle', /^\(idle\)/],
  ['garbage collection', /^\(garbage collector\)/],
  ['fetch', /\/node_modules\/(@kafkajs|kafkajs(-\w+)?|lz4js|long)\/|\/core\/log\//],
  ['decode', /\/node_modules\/avsc\/|\/core\/codec\//],
  ['pack', /\/services\/learner\/[\w-]*(store|copy|pack|binary)[\w-]*\.ts|\bstringify\b/],
  ['fold', /\/services\/learner\/|\/domain\/|\/node_modules\/lru-cache\//],
  ['run', /\/core\/runner\//],
  [
    'database and sockets',
    /\/node_modules\/(@supabase|pg(-\w+)*|postgres(-\w+)*)\/|\/core\/store\/|node:internal\/deps\/undici|node:(internal\/)?(_?http|net|stream|streams|tls|dns|webstreams|fetch|blob|url|abort|timers)|\bundici\b|writeUtf8String|writev?\b/,
  ],
]

export function groupOf(functionName: string, url: string): string {
  const text = `${functionName} ${url}`
  return GROUPS.find(([, pattern]) => pattern.test(text))?.[0] ?? 'other'
}

export function summarise({ nodes, samples = [], timeDeltas = [] }: Profile, top = 12): ProfileSummary {
  const frames = new Map(nodes.map((n) => [n.id, n.callFrame]))
  const parents = new Map(nodes.flatMap((n) => (n.children ?? []).map((child) => [child, n.id])))
  /** A native function, or one of Node's own, works for whoever called it. */
  const groupOfNode = (id: number): string => {
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = frames.get(at)
      if (!frame || (at !== id && frame.functionName.startsWith('('))) break
      const group = groupOf(frame.functionName, frame.url)
      if (group !== 'other') return group
      if (frame.url !== '' && !frame.url.startsWith('node:')) break
    }
    return 'other'
  }
  const self = new Map<string, { name: string; place: string; group: string; us: number }>()
  const groups = new Map<string, number>()
  let total = 0
  for (const [i, id] of samples.entries()) {
    const frame = frames.get(id)
    // the time until the next sample was spent in this one
    const us = Math.max(0, timeDeltas[i + 1] ?? 0)
    if (!frame || us === 0) continue
    const { functionName, url, lineNumber } = frame
    const group = groupOfNode(id)
    const place = url === '' ? '' : `${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`
    const key = `${functionName} ${url}:${lineNumber} ${group}`
    const entry = self.get(key) ?? { name: functionName || '(anonymous)', place, group, us: 0 }
    entry.us += us
    self.set(key, entry)
    groups.set(group, (groups.get(group) ?? 0) + us)
    total += us
  }
  const share = (us: number) => (total === 0 ? 0 : us / total)
  return {
    seconds: total / 1e6,
    groups: [...groups]
      .map(([group, us]) => ({ group, seconds: us / 1e6, share: share(us) }))
      .sort((a, b) => b.seconds - a.seconds),
    functions: [...self.values()]
      .filter((f) => f.group !== 'idle')
      .sort((a, b) => b.us - a.us)
      .slice(0, top)
      .map(({ us, ...f }) => ({ ...f, seconds: us / 1e6, share: share(us) })),
  }
}

/**
 * Processor time by elapsed time of a profile. A profiler counts time, also time that other programs had the processor: what it counted shares what the main
 * thread has used of it. 1 where that is not known.
 */
export function usedShare({ learner, cpuSeconds: { main } }: Pick<RunProfile, 'learner' | 'cpuSeconds'>): number {
  const elapsed = learner.groups.filter((g) => g.group !== 'idle').reduce((sum, g) => sum + g.seconds, 0)
  return main === null || elapsed === 0 ? 1 : main / elapsed
}

/** Microseconds of processor an event, stage by stage, longest first; what the main thread did not do (collector, compiler, compression) comes last. */
export function stagesOf(profile: RunProfile, events: number): Record<string, number> {
  const { main, process } = profile.cpuSeconds
  const us = (seconds: number) => (seconds / events) * 1e6
  const used = usedShare(profile)
  const stages = Object.fromEntries(
    profile.learner.groups.filter((g) => g.group !== 'idle').map((g) => [g.group, us(g.seconds * used)]),
  )
  return main === null || process === null ? stages : { ...stages, 'other threads': us(process - main) }
}
