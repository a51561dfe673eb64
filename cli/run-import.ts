/** What an import does with the trades of a file: compares, publishes, waits until they are learned, and says so. */
import { basename } from 'node:path'
import { explain, findStrandlineError } from '../core/errors.ts'
import { loadModel } from '../core/load-model.ts'
import type { Need } from '../core/stack/layout.ts'
import { createCoefficientStore } from '../core/store/coefficient-store.ts'
import { activeModel, readLearned } from '../core/store/learned.ts'
import type { PositionClosed } from '../domain/event.ts'
import { type BacktestRun, importedBy, type Replacement } from '../domain/foreign/freqtrade-backtest.ts'
import { replacementIn } from '../replay/replace-backtest.ts'
import { publishRevisions } from '../replay/revise.ts'
import { learnUntilCaughtUp } from '../services/learner/catch-up.ts'
import { type LearnedTrades, learnedTrades } from '../services/learner/learned-trades.ts'
import { createLedgerStore } from '../services/learner/ledger-store.ts'
import { type Imported, importEvents } from '../services/pm/sources/import-events.ts'
import { person } from './author.ts'
import { confirm } from './confirm.ts'
import { type ImportSummary, importText, type Knowledge, tradeRow } from './import-text.ts'
import { say } from './output.ts'
import { replacementText, replaces } from './replacement-text.ts'
import { type OpenStack, openStack, stackRuns } from './shared.ts'

const NEEDS: Need[] = ['database', 'kafka', 'registry']

export interface Importing {
  file: string
  events: PositionClosed[]
  open: number
  /** Of a backtest: it replaces an earlier run of it. */
  runs?: BacktestRun[]
  yes?: boolean
  model: string
  rescore: boolean
  dryRun?: boolean
  json?: boolean
  dataDir?: string
}

export async function runImport(importing: Importing): Promise<void> {
  const { file, events, open, model, rescore, dryRun = false, json = false, dataDir } = importing
  const learning = loadModel(model) // a wrong name is said before anything is written
  const sent = dryRun ? null : await send(importing)
  const replacement = sent ? sent.replacement : await preview(importing)
  const scored = events.filter((e) => e.rr !== null).length
  const summary: ImportSummary = {
    file,
    dry_run: dryRun,
    read: events.length,
    open,
    scored,
    unscored: events.length - scored,
    new: sent?.new ?? null,
    already_known: sent?.already_known ?? null,
    under_another_name: sent ? (sent.other_names?.size ?? 0) : null,
    rescored: sent?.rescored ?? null,
    changed: replacement?.changed.length ?? null,
    retracted: replacement?.gone.length ?? null,
    kept: replacement?.kept.length ?? null,
    model: sent?.model ?? null,
    learned: sent?.learned ?? null,
    active_model: sent?.active_model ?? null,
  }
  const freqtrade = rescore ? { trades: events.map(tradeRow) } : {}
  console.log(
    json
      ? JSON.stringify({ ...freqtrade, summary })
      : importText(events, learning, summary, { dataDir, knows: sent?.knows }),
  )
}

interface Sent extends Imported {
  /** null: no backtest. */
  replacement: Replacement | null
  /** Name of the model that has learned them, what it took, and the model whose coefficients readers see. */
  model: string
  learned: LearnedTrades
  knows: Knowledge
  active_model: string | null
}

/** Into the outbox, from there into the log, and learned. */
async function send(importing: Importing): Promise<Sent> {
  const { events, model, rescore, dataDir } = importing
  const stack = await openStack({
    dataDir,
    needs: NEEDS,
    create: true,
    purpose: './strandline import',
  })
  try {
    const replacement = await compare(stack, importing)
    if (replacement && replaces(replacement)) await confirm('Replace them?', importing)
    const missing = replacement?.missing ?? events
    const imported = await importEvents(stack, missing, {
      rescore,
      progress: (done, of) => of > 1_000 && say(`${done} of ${of} events are in the log.`),
      waiting: say,
    })
    if (replacement) {
      imported.already_known += events.length - missing.length - replacement.changed.length
      const revised = [...replacement.changed, ...replacement.gone]
      if (revised.length > 0) await publishRevisions(stack, revised, say)
    }
    say(`The events are in the log; ${model} learns them.`)
    const caughtUp = await learnUntilCaughtUp(stack, model, say)
    const ledger = createLedgerStore(stack.store)
    const learned = await learnedTrades(ledger, caughtUp.model, caughtUp.modelVersion, events, imported.other_names)
    const coefficients = createCoefficientStore(stack.store)
    const active = await activeModel(coefficients)
    const name = caughtUp.model.definition.name
    const { global_rr, rows } = await readLearned(coefficients, { scope: 'lever', model: name })
    const knows = { global_rr, levers: rows }
    return { ...imported, replacement, model: name, learned, knows, active_model: active?.definition.name ?? null }
  } finally {
    await stack.close()
  }
}

/** What a backtest replaces, said to a person; null of what is none. */
async function compare(stack: OpenStack, { file, events, runs, json }: Importing): Promise<Replacement | null> {
  if (!runs) return null
  const found = await replacementIn(stack, { events, runs }, importedBy(person(), basename(file)))
  const text = replacementText(found)
  if (text) (json ? say : console.log)(text)
  return found
}

/** Engines that are away, or only half named: a look at the file needs none. */
const AWAY = ['LOG_UNREACHABLE', 'REGISTRY_UNREACHABLE', 'STORE_UNREACHABLE', 'CONFIG_INVALID', 'STACK_BUSY']

/** By the stack that runs, if there is one: nothing is started for a look. */
async function preview(importing: Importing): Promise<Replacement | null> {
  if (!importing.runs) return null
  const notCompared = (why: string) => {
    say(`It is not compared with what was imported before: ${why}`)
    return null
  }
  const { dataDir } = importing
  let stack: OpenStack | undefined
  try {
    if (!stackRuns({ dataDir, needs: NEEDS })) return notCompared('no stack runs here.')
    stack = await openStack({ dataDir, needs: NEEDS })
    return await compare(stack, importing)
  } catch (error) {
    if (!AWAY.includes(findStrandlineError(error)?.code ?? '')) throw error
    return notCompared(explain(error))
  } finally {
    await stack?.close()
  }
}
