/** Imported trades take the path of every other: outbox, relay, log. Importing them again changes nothing. */
import { Registry } from 'prom-client'
import type { Clock } from '../../../core/clock.ts'
import { explain, findStrandlineError, StrandlineError } from '../../../core/errors.ts'
import type { ServiceDeps } from '../../../core/service.ts'
import {
  createImportOutbox,
  createOutbox,
  type EventKey,
  type ImportOutbox,
  type Waiting,
} from '../../../core/store/outbox-store.ts'
import { createTeller } from '../../../core/teller.ts'
import type { PositionClosed } from '../../../domain/event.ts'
import { MAX_CLOCK_SKEW_MS } from '../../../domain/validation.ts'
import { serviceRelay } from '../index.ts'
import { requireOwnTopic } from '../known-log.ts'

/** Events of one transaction: a hosted project ends a statement after 8 s. */
const PAGE = 500
const POLL_MS = 50

export interface Imported {
  /** Events that the log did not have, later scores included. */
  new: number
  already_known: number
  /** Of those, with another content; only where they are published `asTheyAre`. */
  taken?: number
  /** Trades that were imported before and lacked their R/R, or what they came to in money, and got it now; among the new ones. */
  rescored: number
  /** Of trades that the log has under another name: the event by which it has them, by their own. */
  other_names?: Map<string, string>
}

export interface ImportOptions {
  /** A known trade that has no R/R, or says nothing of money, gets what is known now as its next revision. */
  rescore?: boolean
  /** They are revisions of what the log has under these very ids: no other name is looked for. */
  asTheyAre?: boolean
  progress?: (done: number, of: number) => void
  /** Hears every ten seconds how many events are not in the log yet, and why. */
  waiting?: (sentence: string) => void
}

/**
 * The outbox for whoever brings trades of another program. What is in it is published by whoever takes it: so nothing is added by one that names another topic
 * than the outbox goes into. Errors: CONFIG_INVALID, and those of the outbox.
 */
export function createForeignOutbox({
  store,
  config,
}: Pick<ServiceDeps, 'store' | 'config'>): Pick<ImportOutbox, 'add'> {
  const outbox = createImportOutbox(store)
  const topics = createOutbox(store, '', 0)
  return {
    async add(events) {
      await requireOwnTopic(topics, config, { leave: true })
      return outbox.add(events)
    },
  }
}

/**
 * Resolves when every event is in the log. A relay of our own publishes them; those of running PMs share the work.
 * Errors: CONFIG_INVALID where the outbox goes into another topic; EVENT_INVALID for an exit in the future; STORE_UNREACHABLE, LOG_UNREACHABLE and the like: what is in the outbox stays there, and importing again goes on.
 */
export async function importEvents(
  deps: ServiceDeps,
  events: PositionClosed[],
  options: ImportOptions = {},
): Promise<Imported> {
  const outbox = createImportOutbox(deps.store)
  refuseFuture(events, await outbox.now())
  // what is in the outbox is published by whoever takes it
  await requireOwnTopic(createOutbox(deps.store, '', 0), deps.config, { leave: true }).catch((error) => {
    throw withNextStep(error)
  })
  const total: Imported = { new: 0, already_known: 0, rescored: 0 }
  const relay = serviceRelay({ ...deps, metrics: new Registry() }, POLL_MS) // one of the moment: nobody asks for its metrics
  try {
    // a first revision names its trade: a later one may say another entry, by which nobody would know it
    const inOrder = events.toSorted((a, b) => a.revision - b.revision)
    for (let at = 0; at < inOrder.length; at += PAGE) {
      const page = inOrder.slice(at, at + PAGE)
      const { added, known, renamed = [], taken = 0 } = await outbox.add(page, options.asTheyAre)
      const named = [...page]
      for (const [n, event_id, revision] of renamed) {
        const event = page[n] as PositionClosed
        if (event_id !== event.event_id)
          total.other_names = (total.other_names ?? new Map()).set(event.event_id, event_id)
        named[n] = { ...event, event_id, revision }
      }
      const rescored = options.rescore && known > 0 ? await outbox.rescore(named) : []
      total.new += added + rescored.length
      total.already_known += known - rescored.length
      if (taken > 0) total.taken = (total.taken ?? 0) + taken
      total.rescored += rescored.length
      const keys = [...named.map((e): EventKey => [e.event_id, e.revision]), ...rescored]
      await published({ outbox, clock: deps.clock, relay, say: options.waiting }, keys)
      options.progress?.(at + page.length, inOrder.length)
    }
  } catch (error) {
    throw withNextStep(error)
  } finally {
    await relay.stop()
  }
  return total
}

/** Where the database went away: what of the file it has is not known, and need not be. */
function withNextStep(error: unknown): unknown {
  const known = findStrandlineError(error)
  if (known?.code !== 'STORE_UNREACHABLE') return error
  const todo = `${known.todo ? `${known.todo} Then run` : 'Run'} the import again: nothing is counted twice.`
  return new StrandlineError(known.code, known.message, { todo, cause: error })
}

/** The database's clock decides; the log's readers would refuse such an event for good. */
function refuseFuture(events: PositionClosed[], now: number): void {
  const future = events.find((e) => e.closed_at > now + MAX_CLOCK_SKEW_MS)
  if (!future) return
  const [exit, clock] = [future.closed_at, now].map((ms) => new Date(ms).toISOString())
  throw new StrandlineError(
    'EVENT_INVALID',
    `Trade ${future.trade_id || future.event_id} closes in the future (${exit}; by the database's clock it is ${clock}).`,
    { todo: 'Correct it, or check the clock of the database; nothing was imported.' },
  )
}

interface Publishing {
  outbox: ImportOutbox
  clock: Clock
  relay: { failure(): string | undefined }
  say?: (sentence: string) => void
}

async function published({ outbox, clock, relay, say }: Publishing, keys: EventKey[]): Promise<void> {
  let state: Waiting | undefined
  const tell = createTeller(
    say,
    () => waitingText(state as Waiting),
    () => clock.now(),
  )
  for (;;) {
    state = await outbox.waiting(keys)
    const { waiting, refused, error } = state
    if (waiting === 0) return
    const todo = 'They are in the outbox: import again, or start a PM, and they are published.'
    const failure = relay.failure()
    if (failure) throw new StrandlineError('LOG_UNREACHABLE', `The events cannot be published. ${failure}`, { todo })
    if (refused === waiting)
      throw new StrandlineError(
        'EVENT_INVALID',
        `${refused} of the events cannot be published (${await refusedNames(outbox, keys)}): ${explain(new Error(error ?? ''))}`,
        { todo: 'Correct the file.' },
      )
    await tell()
    await clock.sleep(POLL_MS)
  }
}

/** Rows without a reason are in the hands of a relay: it waits for its answer, or is no more. */
function waitingText({ waiting, error }: Waiting): string {
  const why =
    error ??
    'A relay has taken them: Kafka has not answered it yet, or it was ended before, and they are free within half a minute.'
  return `${waiting === 1 ? '1 event waits' : `${waiting} events wait`} in the outbox. ${why}`
}

const NAMED = 5

/** The first of them, so that they are found in the file. */
async function refusedNames(outbox: ImportOutbox, keys: EventKey[]): Promise<string> {
  const ids = keys.map(([id]) => id)
  const refused = await outbox.refused(ids, NAMED)
  return refused.map((r) => `${r.position_id} ${r.trade_id}`).join(', ')
}
