/**
 * A rebuild in a process of its own that kills itself (SIGKILL: no handler, no last word) when its second commit is done.
 *
 * node test/support/doomed-rebuild.ts '{"env": {…}, "model": "/tmp/model.json"}'
 */
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { systemClock } from '../../core/clock.ts'
import { createCodec } from '../../core/codec/position-closed-codec.ts'
import { readConfig } from '../../core/config.ts'
import { loadModel } from '../../core/load-model.ts'
import { createKafkaLog } from '../../core/log/kafka-log.ts'
import { openStore } from '../../core/store/open-store.ts'
import type { Store } from '../../core/store/store.ts'
import { rebuild } from '../../services/learner/rebuild.ts'

const { env, model } = JSON.parse(process.argv[2] as string) as { env: Record<string, string>; model: string }
const config = readConfig(env)
const logger = pino({ level: process.env.TEST_LOG ?? 'silent' })
const store = openStore(config)
let commits = 0

const doomed: Store = {
  async rpc<T>(fn: string, args: Record<string, unknown>): Promise<T> {
    const answer = await store.rpc<T>(fn, args)
    if (fn === 'strandline_learner_commit' && ++commits === 2) process.kill(process.pid, 'SIGKILL')
    return answer
  },
}

await rebuild(
  {
    config,
    log: createKafkaLog(config, logger),
    store: doomed,
    codec: createCodec(config),
    clock: systemClock,
    logger,
    metrics: new Registry(),
  },
  loadModel(model),
)
