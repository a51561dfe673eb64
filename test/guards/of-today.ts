const DAY_MS = 86_400_000

/** So many of a list, other ones each day until all have had their turn. STRANDLINE_GUARDS_DAY: another day, counted from 1970-01-01 UTC. */
export function guardsOfToday<T>(all: readonly T[], count: number): T[] {
  const day = Number(process.env.STRANDLINE_GUARDS_DAY ?? Math.floor(Date.now() / DAY_MS))
  return Array.from({ length: Math.min(count, all.length) }, (_, i) => all[(day * count + i) % all.length] as T)
}
