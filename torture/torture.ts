/** The run: a stack of its own under load, faults by the plan, then rest, and the judgement. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StrandlineError } from '../core/errors.ts'
import { createLogger } from '../core/logger.ts'
import { Late, within } from '../core/within.ts'
import { createDice } from './dice.ts'
import { FAULTS } from './faults/index.ts'
import { type FaultDone, hurt } from './hurt.ts'
import { startPublisher } from './load/publisher.ts'
import { startTrader } from './load/trader.ts'
import { createTrades } from './load/trades.ts'
import { judge } from './oracle/judge.ts'
import { readLog } from './oracle/log.ts'
import { readStores } from './oracle/stores.ts'
import { readTopic } from './oracle/topic.ts'
import { type PlannedFault, planFaults } from './plan.ts'
import type { Profile } from './profile.ts'
import { watchRecovery } from './recovery.ts'
import { reportOf, type TortureReport } from './report.ts'
import { registerSchema, schemaIds } from './schemas.ts'
import { settle, untilPublished } from './settle.ts'
import { judgeSoak, soakWindow } from './soak/judge-soak.ts'
import { startSampler } from './soak/sampler.ts'
import { openStage, type Stage, TOPIC } from './stage.ts'
import { verifyByCommand } from './verified.ts'
import { startWarden } from './warden.ts'

export interface TortureOptions {
  seed: number
  minutes: number
  profile: Profile
  /** These kinds alone. */
  only?: string[]
  /** Leaves the data folder even when all is well. */
  keep: boolean
  /** One line for people, as it happens. */
  tell(line: string): void
}

export interface RunningTorture {
  /** Errors: JAVA_MISSING, DOWNLOAD_FAILED, ENGINE_FAILED. */
  result: Promise<TortureReport>
  /** Ends everything and removes the data; `result` then means nothing. */
  stop(): Promise<void>
}

/** Before the first fault there is something to lose. */
const WARM_UP_MS = 3_000
/** After the last one: whoever has not come back by then does not. */
const REST_MS = 240_000
/** So long a load that is too slow is waited for, in times of the run. */
const PATIENCE = 3

/** Errors: USAGE where this machine can do none of the faults. */
export async function startTorture(options: TortureOptions): Promise<RunningTorture> {
  const attack = planAttack(options)
  const dataDir = await mkdtemp(join(tmpdir(), 'strandline-torture-'))
  await chmod(dataDir, 0o755) // PostgreSQL runs as a user of its own where we are root
  const dismissWarden = startWarden(dataDir)
  const ending = new AbortController()
  let stage: Stage | undefined
  const opening = openStage({
    dataDir,
    settings: options.profile.settings,
    brokers: options.profile.brokers,
    ownDisks: attack.plan.some(({ fault }) => fault.disk),
    logger: createLogger({ name: 'torture', level: 'silent' }),
    say: options.tell,
    signal: ending.signal,
  }).then((opened) => {
    stage = opened
    return opened
  })
  const clear = () => rm(dataDir, { recursive: true, force: true, maxRetries: 10 })

  async function result(): Promise<TortureReport> {
    let keeps = options.keep
    try {
      const report = await run(await opening, options, attack, dataDir, ending.signal)
      keeps ||= report.verdict !== 'pass'
      return { ...report, ...(keeps ? { data: dataDir } : {}) }
    } catch (error) {
      keeps = !ending.signal.aborted
      if (keeps) options.tell(`The data, with every log, is in ${dataDir}.`)
      throw error
    } finally {
      ending.abort() // whatever still runs of a run that failed
      await stage?.stop()
      if (!keeps) await clear()
      dismissWarden()
    }
  }

  const running = result()
  running.catch(() => {}) // the caller waits for it
  return {
    result: running,
    async stop() {
      ending.abort()
      await running.catch(() => {})
      await clear()
    },
  }
}

interface Attack {
  plan: PlannedFault[]
  /** Kinds that this machine cannot do. */
  leftOut: string[]
}

/** The plan is the same on every machine, but for what is left out. */
function planAttack({ seed, minutes, profile, only, tell }: TortureOptions): Attack {
  const faults = FAULTS.filter(({ kind }) => (only ? only.includes(kind) : !profile.without?.includes(kind)))
  const leftOut = new Map<string, string>()
  for (const { kind, missing } of faults) {
    const why = missing?.()
    if (why) leftOut.set(kind, why)
  }
  if (leftOut.size === faults.length)
    throw new StrandlineError(
      'USAGE',
      `This machine can do none of these faults: ${[...leftOut.values()].join('; ')}.`,
      {
        todo: 'Choose others: ./strandline torture --list.',
      },
    )
  for (const [kind, why] of leftOut) tell(`LEFT OUT  ${kind}: ${why}.`)
  const count = Math.max(1, Math.round(minutes * profile.faults))
  const plan = planFaults(seed, faults, count, minutes * 60_000).filter(({ fault }) => !leftOut.has(fault.kind))
  return { plan, leftOut: [...leftOut.keys()] }
}

async function run(
  stage: Stage,
  options: TortureOptions,
  { plan, leftOut }: Attack,
  dataDir: string,
  signal: AbortSignal,
): Promise<TortureReport> {
  const { seed, minutes, profile, tell } = options
  const ms = minutes * 60_000
  const now = Date.now()
  const schemaId = await registerSchema(stage)
  const publisher = startPublisher(stage, {
    dice: createDice(seed, 'publisher'),
    perSecond: profile.records,
    schemaId,
    now,
    signal,
  })
  const trader = startTrader(stage, {
    trades: createTrades(seed, randomBytes(4).toString('hex'), now),
    dice: createDice(seed, 'trader'),
    perSecond: profile.closes,
    signal,
    closed: ({ event }) => publisher.know(event),
  })
  stage.quiet = async () => {
    const goOn = await trader.pause()
    await untilPublished(stage, REST_MS, signal)
    return goOn
  }
  const recovery = watchRecovery(stage, trader.closes, tell, signal)
  const floor = Math.round(profile.floor * minutes)
  const events = () => trader.closes.length + Object.values(publisher.counts).reduce((sum, n) => sum + n, 0)

  const watching = new AbortController()
  const sampler = profile.soak ? startSampler(stage, dataDir, AbortSignal.any([signal, watching.signal])) : undefined

  await sleep(WARM_UP_MS, undefined, { signal })
  const started = Date.now()
  const done: FaultDone[] = await hurt(stage, plan, {
    signal,
    told: tell,
    ended: recovery.after,
  })
  while (Date.now() - started < PATIENCE * ms && (Date.now() - started < ms || events() < floor))
    await sleep(200, undefined, { signal })
  watching.abort()
  const soak = sampler && judgeSoak(sampler.series(), soakWindow(started, ms))
  tell(`The last fault is over; ${trader.closes.length} trades closed so far. Letting go …`)
  await recovery.stop(REST_MS)
  const unanswered = await within(Promise.all([trader.stop(), publisher.stop()]), REST_MS).then(
    () => undefined,
    (error) => {
      if (error instanceof Late) return 'what traders and publisher began has no answer yet'
      throw error
    },
  )
  const open = unanswered ?? (await settle(stage, REST_MS, signal))
  tell(open === undefined ? 'Everything is read. Judging …' : `It does not come to rest: ${open}. Judging …`)

  const log = readLog(await readTopic(stage.client, TOPIC), await schemaIds(stage))
  const stores = await readStores(stage)
  const judgement = judge({ closes: trader.closes, published: publisher.published }, log, stores)
  const verified = await verifyByCommand(stage.access)
  const report = reportOf({
    seed,
    planned: plan.length,
    leftOut,
    floor,
    done,
    log,
    judgement,
    refused: trader.refused,
    open,
    verified,
    soak,
    stage,
  })
  if (report.verdict !== 'pass') {
    await writeEvidence(join(dataDir, 'findings.json'), { report, judgement, log, refused: trader.refused, done })
    if (sampler) await writeFile(join(dataDir, 'series.json'), JSON.stringify(sampler.series()))
  }
  return report
}

async function writeEvidence(
  file: string,
  {
    report,
    judgement,
    log,
    refused,
    done,
  }: {
    report: TortureReport
    judgement: ReturnType<typeof judge>
    log: ReturnType<typeof readLog>
    refused: object[]
    done: FaultDone[]
  },
): Promise<void> {
  const findings = judgement.findings.map((f) => ({ ...f, log: f.event_id ? log.trades.get(f.event_id) : undefined }))
  await writeFile(file, JSON.stringify({ report, findings, refused, faults: done }, null, 1))
}
