/**
 * Consumer groups as their coordinator keeps them: who joins or leaves makes everyone join again, who is not heard of for a session is forgotten, and each time
 * the partitions are shared out anew, in any order.
 */
import type { Scheduler } from '../scheduler.ts'
import type { Stream } from '../streams.ts'

export interface Joined {
  generation: number
  partitions: number[]
}

/** A group's offset of a partition, or where a person has set it to. */
export type GroupOffset = number | 'earliest' | null

export interface Groups {
  join(group: string, topic: string, member: string): Promise<Joined>
  heartbeat(group: string, member: string, generation: number): 'ok' | 'rebalance' | 'unknown'
  leave(group: string, member: string): void
  /** false: the member is not of this generation. */
  commit(group: string, member: string, generation: number, offsets: Map<number, number>): boolean
  committed(group: string): Map<number, GroupOffset>
  move(group: string, partition: number, to: GroupOffset): void
  /** Everyone joins again. */
  rebalance(group: string): void
  names(): string[]
}

interface Member {
  heardAt: number
  /** Who waits for the next generation: more than one where a request came twice. */
  joins: ((joined: Joined) => void)[]
}

interface Group {
  topic: string
  generation: number
  members: Map<string, Member>
  rebalancing: boolean
  offsets: Map<number, GroupOffset>
}

const SESSION_MS = 10_000
/** Who has not joined again by then is out. */
const REBALANCE_MS = 12_000
const FIRST_MS = 100

export interface GroupsOptions {
  scheduler: Scheduler
  chance: Stream
  partitions(topic: string): number
  /** While the broker is away it forgets nobody. */
  isAway(): boolean
}

export function createGroups({ scheduler, chance, partitions, isAway }: GroupsOptions): Groups {
  const groups = new Map<string, Group>()

  function of(name: string, topic = ''): Group {
    const group = groups.get(name) ?? {
      topic,
      generation: 0,
      members: new Map(),
      rebalancing: false,
      offsets: new Map(),
    }
    groups.set(name, group)
    if (topic) group.topic = topic
    return group
  }

  function begin(group: Group): void {
    if (group.rebalancing) {
      complete(group)
      return
    }
    group.rebalancing = true
    const { generation } = group
    scheduler.after(REBALANCE_MS, () => {
      if (group.rebalancing && group.generation === generation) share(group)
    })
    scheduler.after(FIRST_MS, () => complete(group))
  }

  function complete(group: Group): void {
    if (group.rebalancing && [...group.members.values()].every((m) => m.joins.length > 0)) share(group)
  }

  function share(group: Group): void {
    for (const [id, { joins }] of group.members) if (joins.length === 0) group.members.delete(id)
    group.rebalancing = false
    group.generation++
    const { generation } = group
    const ids = chance.shuffled([...group.members.keys()])
    const all = chance.shuffled(Array.from({ length: partitions(group.topic) }, (_, i) => i))
    for (const [i, id] of ids.entries()) {
      const member = group.members.get(id)!
      const { joins } = member
      member.joins = []
      heard(group, id)
      const joined = { generation, partitions: all.filter((_, n) => n % ids.length === i) }
      for (const join of joins) join(joined)
    }
  }

  function heard(group: Group, id: string): void {
    const member = group.members.get(id)
    if (!member) return
    const at = scheduler.now()
    if (member.heardAt === at) return
    member.heardAt = at
    scheduler.after(SESSION_MS, () => expire(group, id, member, at))
  }

  function expire(group: Group, id: string, member: Member, at: number): void {
    if (group.members.get(id) !== member || member.heardAt !== at || member.joins.length > 0) return
    if (isAway()) {
      scheduler.after(SESSION_MS, () => expire(group, id, member, at))
      return
    }
    group.members.delete(id)
    begin(group)
  }

  return {
    join: (name, topic, id) =>
      new Promise((resolve) => {
        const group = of(name, topic)
        const member = group.members.get(id) ?? { heardAt: 0, joins: [] }
        member.joins.push(resolve)
        group.members.set(id, member)
        begin(group)
      }),
    heartbeat(name, id, generation) {
      const group = of(name)
      if (!group.members.has(id)) return 'unknown'
      heard(group, id)
      if (group.rebalancing) return 'rebalance'
      return group.generation === generation ? 'ok' : 'unknown'
    },
    leave(name, id) {
      const group = of(name)
      if (group.members.delete(id)) begin(group)
    },
    commit(name, id, generation, offsets) {
      const group = of(name)
      if (!group.members.has(id) || group.generation !== generation) return false
      for (const [partition, offset] of offsets) group.offsets.set(partition, offset)
      return true
    },
    committed: (name) => new Map(of(name).offsets),
    move: (name, partition, to) => void of(name).offsets.set(partition, to),
    rebalance: (name) => begin(of(name)),
    names: () => [...groups.keys()],
  }
}
