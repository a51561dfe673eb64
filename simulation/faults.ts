/** Faults of a plan, brought about when their time comes; and the end of all of them. */
import { PROJECTOR_CONSUMER } from '../core/runner/consumer-names.ts'
import type { Asking } from './asking.ts'
import { newestOf } from './others.ts'
import type { Fault } from './planned.ts'
import { createStream } from './streams.ts'
import type { World } from './world.ts'

const LOOK_MS = 200
/** A service that does not stop in this time is killed. */
const STOP_WITHIN_MS = 10_000

type Of<Kind extends Fault['kind']> = Fault & { kind: Kind }
type Bring = { [Kind in Fault['kind']]: (world: World, fault: Of<Kind>, asking: Asking) => void }

export function startFaults(world: World, asking: Asking): void {
  for (const fault of world.plan.faults)
    world.scheduler.after(fault.at, () => {
      if (fault.kind !== 'calls') world.happened(fault.kind)
      world.trace.say('world', fault.kind, JSON.stringify(fault))
      const bring = BRING[fault.kind] as (world: World, fault: Fault, asking: Asking) => void
      bring(world, fault, asking)
    })
}

/** From now on nothing goes wrong; clocks stay as they are. */
export function heal(world: World): void {
  const { network, db, machines, trace } = world
  trace.say('world', 'heals')
  network.heal()
  world.diskFull = false
  world.registryDenies = false
  db.flush()
  for (const machine of machines) {
    machine.process?.wake()
    if (!machine.process) world.start(machine)
  }
}

const BRING: Bring = {
  kill(world, { process, ms }) {
    world.kill(machineOf(world, process), ms)
  },
  stop(world, { process: name, ms }) {
    const machine = machineOf(world, name)
    const { process, service } = machine
    if (!process) return
    const gone = () => {
      if (machine.process === process) world.kill(machine, ms)
    }
    service?.stop().then(gone, gone)
    world.scheduler.after(service ? STOP_WITHIN_MS : 0, gone)
  },
  freeze(world, { process: name, ms }) {
    const { process } = machineOf(world, name)
    process?.freeze()
    world.scheduler.after(ms, () => {
      if (process) world.trace.say(process.name, 'wakes')
      process?.wake()
    })
  },
  'database-crash'({ network, db, trace }, { ms }) {
    network.away('database', ms)
    trace.say('database', 'lost', `${db.crash()} commits`)
  },
  'database-away': ({ network }, { ms }) => network.away('database', ms),
  'log-away': ({ network }, { ms }) => network.away('log', ms),
  'registry-away': ({ network }, { ms }) => network.away('registry', ms),
  'disk-full': (world, { ms }) => forAWhile(world, 'diskFull', ms),
  'registry-denies': (world, { ms }) => forAWhile(world, 'registryDenies', ms),
  /** Back to what it was `ms` ago. What was done since then for trader and bot would be lost, so nothing is. */
  'database-restored'({ scheduler, network, db, trace }, { ms }, asking) {
    asking.holds++
    const dump = () => {
      if (asking.busy()) {
        scheduler.after(LOOK_MS, dump)
        return
      }
      const restore = db.dump()
      scheduler.after(ms, () => {
        trace.say('database', 'is what it was', `${ms} ms ago`)
        restore()
        network.away('database', 100)
        asking.holds--
      })
    }
    dump()
  },
  rebalance: (world, { consumer }) => world.groups.rebalance(groupOf(world, consumer)),
  'offset-moved'(world, { consumer, partition, to }) {
    const { groups, broker, config } = world
    groups.move(groupOf(world, consumer), partition % broker.partitions(config.topic), to === 'latest' ? null : to)
  },
  /** Records of the log once more, in a transaction of somebody else. */
  transaction(world, { ms, partition, records, committed, trade }) {
    const { broker, config, scheduler } = world
    const record = newestOf(world, trade)
    if (!record) return
    const copies = Array.from({ length: records }, () => record)
    const end = broker.begin(config.topic, partition % broker.partitions(config.topic), copies)
    scheduler.after(ms, () => end(committed))
  },
  'partitions-added'({ broker, config, groups, scheduler }, { ms, count }) {
    broker.grow(config.topic, broker.partitions(config.topic) + count)
    scheduler.after(ms, () => {
      for (const group of groups.names()) groups.rebalance(group) // consumers look at the topic now and then
    })
  },
  'clock-jump'({ clocks }, { clock, by }) {
    clocks[clock] = (clocks[clock] ?? 0) + by
  },
  calls({ network, scheduler }, { engine, fault, rate, seed, ms }) {
    const until = scheduler.now() + ms
    network.windows.push({ engine, fault, rate, until, chance: createStream(seed, 'calls') })
  },
}

const machineOf = ({ machines }: World, name: string) => machines.find((m) => m.name === name)!

function forAWhile(world: World, what: 'diskFull' | 'registryDenies', ms: number): void {
  world[what] = true
  world.scheduler.after(ms, () => {
    world[what] = false
  })
}

/** The learner's first. */
function groupOf({ groups }: World, consumer: number): string {
  const names = groups.names()
  const isProjector = (name: string) => Number(name.includes(PROJECTOR_CONSUMER))
  names.sort((a, b) => isProjector(a) - isProjector(b))
  return names[consumer % Math.max(1, names.length)] ?? ''
}
