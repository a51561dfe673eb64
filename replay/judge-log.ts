/** Whether the trades of a log say anything about the next one, by models that are learned here or others. */
import { DecodeError } from '../core/codec/codec.ts'
import { createCodec } from '../core/codec/position-closed-codec.ts'
import { AT_ONCE } from '../core/codec/unknown-schemas.ts'
import { StrandlineError } from '../core/errors.ts'
import type { LogRecord } from '../core/log/log.ts'
import { readRanges } from '../core/log/read-all.ts'
import { createCoefficientStore } from '../core/store/coefficient-store.ts'
import type { Model } from '../domain/learning/model.ts'
import { checkEvent } from '../domain/validation.ts'
import { type JudgedRecord, judgedTrades } from '../domain/verdict/judged-trades.ts'
import { judge, type Verdict, type VerdictOptions } from '../domain/verdict/verdict.ts'
import { type HistoryDeps, modelNamed } from './open-history.ts'
import { createVerdictStore } from './verdict-store.ts'

export interface JudgeOptions extends Pick<VerdictOptions, 'since' | 'progress'> {
  /** Models or versions (./strandline models), those that come along, or files; without: those that are learned here. */
  models?: readonly string[]
}

/** Errors: USAGE, MODEL_INVALID, NOTHING_LEARNED, and those of database, log and registry. */
export async function judgeLog(
  deps: HistoryDeps,
  { models: names, since = 0, progress }: JudgeOptions,
): Promise<Verdict> {
  const { topic } = deps.config
  const models = names ? await Promise.all(names.map((name) => modelNamed(deps.store, name))) : await learnedHere(deps)
  const records = await readRecords(deps)
  const store = createVerdictStore(deps.store)
  const verdict = judge(judgedTrades(records), models, { since, progress, tried: await store.tried(topic) })
  await store.note(
    topic,
    verdict.models.flatMap(({ hash, name, p, trades }) =>
      p === null ? [] : [{ hash, since, model: name, p, trades }],
    ),
  )
  return verdict
}

async function learnedHere({ store, config }: HistoryDeps): Promise<Model[]> {
  const versions = (await createCoefficientStore(store).list()).filter((v) => v.topic === config.topic && !v.dropping)
  if (versions.length === 0)
    throw new StrandlineError('NOTHING_LEARNED', 'No learner ever ran here, so there is no model to judge.', {
      todo: 'Run one (./strandline up), or name models: --models lowcap-v4,lowcap-v5.',
    })
  const hashes = [...new Set(versions.map((v) => v.hash))]
  return Promise.all(hashes.map((hash) => modelNamed(store, hash)))
}

/** Every event of the log that readers take, in no order over partitions. Errors: those of log and registry. */
export async function readRecords({
  log,
  config,
  progress,
}: Pick<HistoryDeps, 'log' | 'config' | 'progress'>): Promise<JudgedRecord[]> {
  const codec = createCodec({ registry: config.registry, topic: config.topic }, undefined, AT_ONCE)
  const ranges = await log.offsets(config.topic)
  const total = ranges.reduce((sum, r) => sum + r.end - r.start, 0)
  const records: JudgedRecord[] = []
  let read = 0
  await readRanges(log, config.topic, ranges, async (record) => {
    if (++read % 1_000 === 0) progress?.(read, total)
    const event = await eventOf(record)
    if (event && !checkEvent(event, record.key, record.timestamp)) records.push({ event, taken_at: record.timestamp })
  })
  return records

  async function eventOf({ value }: LogRecord) {
    try {
      return value === null ? null : await codec.decode(value)
    } catch (error) {
      if (error instanceof DecodeError) return null
      throw error
    }
  }
}
