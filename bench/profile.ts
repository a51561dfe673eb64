/** Where the time goes: self time of a V8 CPU profile, by what the code is there for. Pure. */

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

/** First match wins. Files by the end of their URL, so that the same groups hold wherever the project lies. */
const GROUPS: [group: string, pattern: RegExp][] = [
  ['idle', /^\(idle\)/],
  ['garbage collection', /^\(garbage collector\)/],
  ['fetch and decode', /\/node_modules\/(kafkajs|avsc|@kafkajs|kafkajs-snappy|lz4js|long)\/|\/core\/(log|codec)\//],
  [
    'fold',
    /\/services\/learner\/(fold|fold-chunk|sums-cache|chunk-state|model|trade|processor)\.ts|\/core\/(validation|event)\.ts|\/node_modules\/lru-cache\//,
  ],
  ['packing', /\/services\/learner\/|\bstringify\b/],
  [
    'HTTP',
    /\/node_modules\/@supabase\/|\/core\/store\/|node:internal\/deps\/undici|node:(internal\/)?(_?http|net|stream|streams|tls|dns|webstreams|fetch|blob|url|abort|timers)|\bundici\b|writeUtf8String|writev?\b/,
  ],
  ['runner', /\/core\/runner\//],
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
