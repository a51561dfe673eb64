/**
 * A learner in a process of its own that kills itself (SIGKILL: no handler, no last word) at a chosen commit:
 *
 * - `before`: its transaction was not sent;
 * - `in flight`: it was sent, nobody knows what becomes of it;
 * - `between`: it is committed in the database, but not to Kafka.
 *
 * node test/support/doomed-learner.ts '{"env": {…}, "at": "between", "commit": 2, "maxChunk": 4, "lingerMs": 2}'
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import { openStore } from '../../core/store/open-store.ts'
import type { Store } from '../../core/store/store.ts'
import { startLearner } from '../../services/learner/index.ts'

export type Moment = 'before' | 'in flight' | 'between'

export interface Doom {
  env: Record<string, string>
  at: Moment
  /** Which commit it does not survive; 1: the first. */
  commit: number
  maxChunk: number
  /** How long it lives on after a commit that is in flight. */
  lingerMs: number
}

const doom = JSON.parse(process.argv[2] as string) as Doom
const config = readConfig(doom.env)
const logger = pino({ level: process.env.TEST_LOG ?? 'silent' })
const store = openStore(config)
let commits = 0

const die = () => process.kill(process.pid, 'SIGKILL')

const doomed: Store = {
  async rpc<T>(fn: string, args: Record<string, unknown>): Promise<T> {
    if (fn !== 'strandline_learner_commit' || ++commits !== doom.commit) return store.rpc<T>(fn, args)
    if (doom.at === 'before') die()
    const answer = store.rpc<T>(fn, args)
    if (doom.at === 'in flight') {
      await sleep(doom.lingerMs) // the request is on its way
      die()
    }
    await answer
    die()
    return answer
  },
}

await startLearner(
  {
    config,
    log: createKafkaLog(config, logger),
    store: doomed,
    codec: createCodec(config),
    clock: systemClock,
    logger,
    metrics: new Registry(),
  },
  { maxChunk: doom.maxChunk, concurrency: 1 },
)
