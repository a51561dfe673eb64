/**
 * What the learner's own work costs: encoded records → events → trades → sums → the columns of a commit, in this process alone. The database's place is
 * taken by a store that throws everything away and never knows a trade. The script of a person who makes this path faster:
 *
 *   node bench/fold.ts few|distinct [events] [--columns | --replay] [--allocations]     (and node --cpu-prof bench/fold.ts …)
 *
 * --columns: with the packing of a commit for the database (services/learner/learner-store.ts).
 * --replay: all of it once more, of a ledger that has every trade.
 * --allocations: bytes that are allocated, instead of processor time.
 */
import { PerformanceObserver } from 'node:perf_hooks'
import { pino } from 'pino'
import { createDecoder } from '../core/codec/decoder.ts'
import { createFlatReader } from '../core/codec/flat-event.ts'
import { frame, positionClosedType } from '../core/codec/position-closed-codec.ts'
import { loadModel } from '../core/load-model.ts'
import type { LogRecord } from '../core/log/log.ts'
import type { Store } from '../core/store/store.ts'
import type { Trade } from '../domain/learning/trade.ts'
import { createLearnerStore, type LearnerRead, type LearnerStore } from '../services/learner/learner-store.ts'
import { createLearnerProcessor } from '../services/learner/processor.ts'
import { allocatedBytes } from './allocations.ts'
import { type Cardinality, eventStream } from './generate.ts'

const PARTITIONS = 6
/** As many as a fetch of 3 MB brings. */
const CHUNK = 8_000
const WARM_UP = 48_000
const SCHEMA_ID = 1
const NEWEST = Date.UTC(2026, 9, 1)

/** The values of a chunk lie in one buffer, as a fetch has them. */
interface EncodedChunk {
  partition: number
  from: number
  values: Buffer
  ends: Uint32Array
}

function encodeChunks(cardinality: Cardinality, events: number): EncodedChunk[] {
  const chunks: EncodedChunk[] = []
  let values: Buffer[] = []
  const close = () => {
    let end = 0
    const ends = Uint32Array.from(values, (v) => (end += v.length))
    const partition = chunks.length % PARTITIONS
    const from = Math.floor(chunks.length / PARTITIONS) * CHUNK
    chunks.push({ partition, from, values: Buffer.concat(values), ends })
    values = []
  }
  for (const event of eventStream(events, cardinality, 1, NEWEST)) {
    values.push(frame(SCHEMA_ID, positionClosedType.toBuffer(event)))
    if (values.length === CHUNK) close()
  }
  if (values.length > 0) close()
  return chunks
}

const KEY = Buffer.from('3f0c')

/** Cuts its value out when it is asked for, as a fetched record does. */
class EncodedRecord implements LogRecord {
  readonly timestamp = NEWEST
  readonly key = KEY
  readonly headers = {}
  readonly offset: number
  readonly #values: Buffer
  readonly #start: number
  readonly #end: number

  constructor(offset: number, values: Buffer, start: number, end: number) {
    this.offset = offset
    this.#values = values
    this.#start = start
    this.#end = end
  }

  get value(): Buffer {
    return this.#values.subarray(this.#start, this.#end)
  }
}

const recordsOf = ({ from, values, ends }: EncodedChunk): LogRecord[] =>
  Array.from(ends, (end, i) => new EncodedRecord(from + i, values, i === 0 ? 0 : (ends[i - 1] as number), end))

const model = loadModel('lowcap-v4')

/** Knows nothing and keeps nothing. */
const DISCARD: Store = {
  rpc: async <T>(name: string) =>
    (name === 'strandline_learner_read'
      ? { version: 0, checkpoint: null, empty: true, ledger: [], partials: [] }
      : { status: 'ok' }) as T,
}
const MODEL_VERSION = { model_version: 1, sums: 1, build: 1, active: true, consumer: 'bench' }
const NOTHING: LearnerRead = { version: 0, checkpoint: null, empty: true, trades: [], sums: [] }
const NO_COLUMNS: LearnerStore = {
  modelVersion: MODEL_VERSION,
  read: async () => NOTHING,
  commit: async () => ({ status: 'ok' }),
}

/** Keeps the trades, and no sums. */
function createLedger(): LearnerStore {
  const trades = new Map<string, Trade>()
  return {
    ...NO_COLUMNS,
    read: async (_, ids) => ({ ...NOTHING, trades: ids.flatMap((id) => trades.get(id) ?? []) }),
    async commit({ fresh: { table, rows } }) {
      for (const row of rows) trades.set(table.id(row), table.read(row))
      return { status: 'ok' }
    },
  }
}

/** @param all their records, which are not what is measured */
async function run(chunks: readonly EncodedChunk[], all: readonly LogRecord[][], store: LearnerStore, replay = false) {
  const decode = createDecoder(
    { register: async () => SCHEMA_ID, writerType: async () => positionClosedType },
    createFlatReader(),
  )
  const processor = createLearnerProcessor({
    model,
    store,
    decode,
    deadLetters: { send: async () => [], applied: async () => {} },
    logger: pino({ level: 'silent' }),
  })
  const claims = Array.from({ length: PARTITIONS }, (_, partition) => ({
    topic: 'bench',
    partition,
    epoch: 1,
    version: 0,
    checkpoint: null,
  }))
  let microseconds = 0
  for (const [i, chunk] of chunks.entries()) {
    const claim = claims[chunk.partition] as (typeof claims)[number]
    const records = all[i] as LogRecord[]
    const before = process.cpuUsage()
    const next = chunk.from + records.length
    const answer = await processor.apply(claim, { records, next, replay, commitId: 'bench' })
    const { user, system } = process.cpuUsage(before)
    if (answer.status !== 'ok') throw new Error(`a chunk was not applied: ${answer.status}`)
    microseconds += user + system
  }
  return microseconds
}

const [cardinality = 'few', count = '200000'] = process.argv.slice(2).filter((a) => !a.startsWith('--'))
const [columns, replay, allocations] = ['columns', 'replay', 'allocations'].map((o) => process.argv.includes(`--${o}`))
const events = Number(count)
const store = columns
  ? createLearnerStore(DISCARD, model, MODEL_VERSION, 'bench')
  : replay
    ? createLedger()
    : NO_COLUMNS

const encoded = (n: number) => {
  const chunks = encodeChunks(cardinality as Cardinality, n)
  return [chunks, chunks.map(recordsOf)] as const
}
await run(...encoded(WARM_UP), store)
const [chunks, records] = encoded(events)
if (replay) await run(chunks, records, store)
const what = `${cardinality}${columns ? ' with columns' : replay ? ', replayed' : ''}`
if (allocations) {
  const bytes = await allocatedBytes(() => run(chunks, records, store, replay))
  console.log(`${what}: ${Math.round(bytes / events)} bytes allocated an event`)
} else {
  let collecting = 0
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) collecting += entry.duration
  })
  observer.observe({ entryTypes: ['gc'] })
  const us = await run(chunks, records, store, replay)
  await new Promise((resolve) => setTimeout(resolve, 50)) // the observer hears of collections a moment later
  const rss = Math.round(process.resourceUsage().maxRSS / 1024)
  console.log(
    `${what}: ${(us / events).toFixed(2)} µs of processor an event, ` +
      `${((collecting * 1000) / events).toFixed(2)} µs of it in garbage collection; ${rss} MiB resident at most`,
  )
}
