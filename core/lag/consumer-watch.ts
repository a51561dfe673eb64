/**
 * Watches one consumer from outside, every few seconds: what it holds, how far it is behind, whether database and log answer. Out of it come the lag
 * gauges and the readiness. It asks the log for its ends and the database for its checkpoints, so it sees a consumer that has stopped fetching.
 */
import type { Clock } from '../clock.ts'
import { explain } from '../errors.ts'
import type { Liveness } from '../liveness.ts'
import type { EventLog, Subscription } from '../log/log.ts'
import { wentBack } from '../runner/checkpoints.ts'
import type { PartitionRunner } from '../runner/partition-runner.ts'
import type { CheckpointStore } from '../store/checkpoint-store.ts'
import { createHeldLag, type HeldLag } from './held-lag.ts'

const EVERY_MS = 5_000
/** While something is wrong: whoever waits for it to be over wants to know soon. */
const SOON_MS = 500
/** An engine that takes longer for its answer counts as away. */
const STALL_MS = 3_000
/** A partition with records that has not moved for so long is stuck. */
const STUCK_MS = 60_000
/** So long a partition that the group gave us may have no claim of ours in the database: longer than a session, so that no zombie takes it from its holder. */
const UNCLAIMED_MS = 15_000
/** Longest time without any reading although all that it takes is there: longer than a group may take to share out its partitions. */
const READING_MS = 300_000

export interface WatchOptions {
  /** Name of the checkpoints in the database. */
  consumer: string
  group: string
  topic: string
  /** Our name in `consumer_checkpoints`. */
  holder: string
  checkpoints: Pick<CheckpointStore, 'list'>
  log: Pick<EventLog, 'offsets' | 'timestamps'>
  clock: Clock
  subscription: Pick<Subscription, 'partitions' | 'joined' | 'failure' | 'seek'>
  runner: Pick<PartitionRunner, 'retrying' | 'known' | 'rewind' | 'claimAgain'>
  lag?: HeldLag
  /** Hears of every measurement: how many partitions the topic has. */
  measured?: (partitions: number) => void
  liveness?: Liveness
}

export interface ConsumerWatch {
  /** One sentence why the consumer cannot do its job now; null when it can. */
  reason(): string | null
  stop(): Promise<void>
}

interface Row {
  checkpoint: number | null
  holder: string | null
}

/** The last answer of an engine, and since when the next one is waited for. */
interface Asked<T> {
  value?: T
  failure?: string
  since?: number
}

export function watchConsumer(options: WatchOptions): ConsumerWatch {
  const { consumer, group, topic, holder, log, clock, subscription, runner, measured } = options
  const lag = options.lag ?? createHeldLag()
  const stopping = new AbortController()
  const watches = options.liveness?.loop(`The watch of ${consumer}`)
  const reads = options.liveness?.loop(`The reading of ${topic}`, READING_MS)
  const database: Asked<Map<number, Row>> = {}
  const broker: Asked<Awaited<ReturnType<EventLog['offsets']>>> = {}
  /** Since when each partition of ours has no claim. */
  const unclaimedSince = new Map<number, number>()

  async function checkpoints(): Promise<Map<number, Row>> {
    return new Map((await options.checkpoints.list(consumer, topic)).map((r) => [r.partition, r]))
  }

  async function ask<T>(asked: Asked<T>, work: () => Promise<T>): Promise<void> {
    asked.since = clock.now()
    try {
      asked.value = await work()
      asked.failure = undefined
    } catch (error) {
      asked.failure = explain(error)
    }
    asked.since = undefined
  }

  async function measure(): Promise<void> {
    const known = runner.known() // before the question: what is committed meanwhile is no step back
    await ask(database, checkpoints)
    await ask(broker, () => log.offsets(topic)) // after the checkpoints: a lag is never negative
    if (!broker.value) return
    const rows = database.value ?? new Map<number, Row>()
    if (!database.failure) {
      for (const [partition, checkpoint] of known) follow(partition, checkpoint, rows)
      claimAgain(known, rows)
    }
    const stored = new Map([...rows].map(([partition, row]) => [partition, row.checkpoint]))
    lag.measured(subscription.partitions(), stored, broker.value, clock.now())
    const unknown = lag.unknown()
    if (unknown.size > 0 && !broker.failure)
      await ask(broker, async () => {
        lag.written(await log.timestamps(topic, unknown))
        return broker.value as NonNullable<typeof broker.value>
      })
    if (!broker.failure) measured?.(broker.value.length)
  }

  /** A crash or a restored dump took commits along while nothing was read that would show it. */
  function follow(partition: number, known: number | null, rows: Map<number, Row>): void {
    const now = rows.get(partition)?.checkpoint ?? null
    if (!wentBack(known, now)) return
    const start = broker.value?.find((range) => range.partition === partition)?.start ?? 0
    void runner.rewind(partition, now).then((rewound) => {
      if (rewound) subscription.seek(partition, now ?? start)
    })
  }

  /** A zombie, a late request or a restored dump took a claim from us: what is read next would show it, but there may be nothing to read. */
  function claimAgain(known: Map<number, unknown>, rows: Map<number, Row>): void {
    const held = subscription.joined() ? subscription.partitions() : []
    const open = held.filter((p) => !known.has(p) || rows.get(p)?.holder !== holder)
    for (const partition of [...unclaimedSince.keys()]) if (!open.includes(partition)) unclaimedSince.delete(partition)
    for (const partition of open) {
      const since = unclaimedSince.get(partition) ?? clock.monotonic()
      unclaimedSince.set(partition, since)
      if (clock.monotonic() - since < UNCLAIMED_MS) continue
      unclaimedSince.delete(partition)
      void runner
        .claimAgain(partition)
        .then((from) => from !== null && subscription.seek(partition, from))
        .catch(() => undefined) // looked at again
    }
  }

  function away(name: string, { value, failure, since }: Asked<unknown>): string | null {
    const waited = since === undefined ? 0 : clock.now() - since
    if (failure) return failure
    if (waited > STALL_MS) return `${name} has not answered for ${Math.round(waited / 1000)} s.`
    return value === undefined ? `${name} has not answered yet.` : null
  }

  /** A partition that the group gave us counts once it is claimed in the database. */
  function unclaimed(): string | null {
    const open = subscription.partitions().filter((p) => database.value?.get(p)?.holder !== holder)
    return open.length === 0 ? null : `${topic}/${open.join(', ')}: not claimed in the database yet.`
  }

  function stuck(): string | null {
    const [first] = lag.stuck(clock.now(), STUCK_MS)
    return first
      ? `${topic}/${first.partition} has ${first.records} records waiting and has not moved for ${first.seconds} s. The log says why.`
      : null
  }

  function reason(): string | null {
    const failure = subscription.failure()
    if (failure) return explain(failure)
    return (
      runner.retrying() ??
      away('The database', database) ??
      away('Kafka', broker) ??
      (subscription.joined() ? null : `The group ${group} is not joined yet.`) ??
      unclaimed() ??
      stuck()
    )
  }

  /** Nothing keeps it from reading, and still it does not: kafkajs' own loop ended, or hangs. What it was told by somebody else is no such case. */
  function idle(): boolean {
    if (subscription.failure() || runner.retrying() || away('', database) || away('', broker)) return false
    return !subscription.joined() || stuck() !== null
  }

  const stopped = new Promise<void>((resolve) =>
    stopping.signal.addEventListener('abort', () => resolve(), { once: true }),
  )
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      watches?.beat()
      if (!idle()) reads?.beat()
      await Promise.race([measure(), stopped]) // an engine that is away takes its time; whoever stops does not wait for it
      await clock.sleep(reason() === null ? EVERY_MS : SOON_MS, stopping.signal)
    }
  })()

  options.liveness?.keeps(`The watch of ${consumer}`, watching, stopping.signal)
  return {
    reason,
    async stop() {
      stopping.abort()
      await watching
      watches?.rest() // others of the process go on
      reads?.rest()
    },
  }
}
