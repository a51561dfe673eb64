/**
 * What a partition of the log goes through while it is read: every state, every event, what follows, as one table. partition-runner.ts carries it out,
 * docs/runner.md shows it.
 *
 * At rest a partition waits for a call from outside. In every other state one question is under way, to the database, the log, the group or the clock, and
 * its answer is the next event. The compiler refuses a pair that is missing; a pair that cannot come about names the invariant that keeps it out.
 */

export const STATES = {
  unassigned: 'At rest. The group has not given it to us.',
  unclaimed: 'At rest. It is ours, and has no claim: the next batch claims it, or the watch.',
  reading: 'At rest. It is claimed; the next batch is awaited.',
  claiming: 'The database is asked for a claim, then the log whether it is the one that the checkpoint was made on.',
  proving: 'We have lost the claim. After a while a heartbeat shows whether we are still a member.',
  checking: 'The watch does not find our claim in the database: is it still ours? The checkpoint is read.',
  placing: 'A batch or a gap is here: does it begin where we stand? If it does not, the log is asked what it has.',
  applying: 'A chunk of the batch is in its transaction.',
  retrying: 'The chunk is to be tried again, or its batch handed back to the log.',
  doubting: 'The answer to a commit is missing: has it happened? The checkpoint is read.',
  overtaken: 'Our state was changed by others before we could commit. The checkpoint is read.',
  passing: 'A gap: the checkpoint moves past it, in a transaction without records.',
  passingOvertaken: 'The same as overtaken, in a gap.',
} as const

export const EVENTS = {
  assigned: 'The group gives us the partition.',
  revoked: 'The group takes it away.',
  batch: 'The log hands over records.',
  gap: 'The log passed over what nobody may read (aborted transactions, control records), and nothing lies behind it yet.',
  claimMissing: 'The watch has not found our claim in the database for longer than a session.',
  wentBack:
    "The database's checkpoint lies before the one that we know (a crash, a restore); the watch sees it, or we do.",
  claimed: 'The claim is ours, and the log is the right one.',
  member: 'The heartbeat was answered.',
  follows: 'The batch begins where we stand, or below.',
  empty: 'From where we stand on there is nothing to apply: a gap, or a batch of which all is known.',
  beyond: 'It begins above where we stand.',
  behind: 'A gap that we have passed, or that the log was sent back for already.',
  applied: 'The transaction is committed.',
  drained: 'Nothing of the batch is left.',
  waits: 'The first record cannot be read yet: its schema may still turn up.',
  waitsFurtherOn: 'A later record cannot be read yet; those before it can.',
  stale: 'Refused: the state has another version or checkpoint than the commit names.',
  fenced: 'Refused, or read: another has claimed the partition since.',
  failed: 'No answer, or a refusal that may pass.',
  happened: 'The newest commit in the database is the one that we doubt.',
  notHappened: 'It is another one.',
  ours: 'The claim is still ours, and nothing went back.',
  ready: 'The chunk is tried again.',
  exhausted: 'It was tried often enough.',
  gone: 'The partition is not ours any more, or we stop.',
  faulted: 'An error that does not pass by itself, or a heartbeat that failed. It is thrown to whoever called.',
} as const

export const ACTIONS = {
  hold: "takes the claim, and stands at the lowest of checkpoint and group's offset that the log has",
  letGo: 'lets the claim go',
  clear: 'forgets why something was tried again',
  seek: 'sends the log to where we stand',
  count: 'notes version and checkpoint that our commit has made, and reports it',
  advance: 'moves behind the chunk',
  tellGroup: 'tells the group how far we are',
  heartbeat: 'sends a heartbeat',
  forget: 'drops cached state',
  adopt: 'takes version and checkpoint as they were read',
  halve: 'makes the next chunk half as large where the database is why',
  pause: 'sleeps, longer each time in a row',
  pauseUnlessFirst: 'sleeps, but for the first time',
  noteWaits: 'says what waits, and keeps chunks from reaching over it',
  noteFailure: 'says what failed',
  noteOvertaken: 'says so from the tenth time in a row on',
  tellOutcome: 'reports what has become of the commit',
  tellFenced: 'says that another has claimed it',
  tellWentBack: 'says that the checkpoint went back',
  tellMissing: 'says that it is claimed again',
} as const

/** What keeps a pair out. More of them, with their tests: docs/runner.md. */
export const EXCLUDED = {
  1: 'A partition does one thing at a time: what comes from outside waits until it is at rest.',
  2: 'An answer comes to the question that was asked.',
  3: 'The log hands over nothing of a partition that the group has not given to us.',
  4: 'Without a claim no checkpoint is known that could go back.',
  5: 'A gap has no records that could wait.',
} as const

export type State = keyof typeof STATES
export type Event = keyof typeof EVENTS
export type Action = keyof typeof ACTIONS

export interface Go {
  to: State
  does: readonly Action[]
}
export interface Never {
  never: keyof typeof EXCLUDED
}
export type Transition = Go | Never

const go = (to: State, ...does: Action[]): Go => ({ to, does })
const never = <E extends Event>(why: Never['never'], ...events: E[]) =>
  Object.fromEntries(events.map((event) => [event, { never: why }])) as Record<E, Never>

const OUTSIDE = ['assigned', 'revoked', 'batch', 'gap', 'claimMissing'] as const
const PLACED = ['follows', 'empty', 'beyond', 'behind'] as const
const APPLIED = ['applied', 'drained', 'waits', 'waitsFurtherOn', 'stale', 'failed'] as const
const RETRIED = ['ready', 'exhausted'] as const
const READ = ['happened', 'notHappened', 'ours'] as const

export const TABLE = {
  unassigned: {
    assigned: go('claiming'),
    revoked: go('unassigned'),
    claimMissing: go('unassigned'),
    ...never(3, 'batch', 'gap'),
    ...never(4, 'wentBack'),
    ...never(2, 'claimed', 'member', 'fenced', 'gone', 'faulted', ...PLACED, ...APPLIED, ...RETRIED, ...READ),
  },
  unclaimed: {
    assigned: go('claiming'),
    revoked: go('unassigned', 'clear'),
    batch: go('proving'),
    gap: go('unclaimed'),
    claimMissing: go('claiming', 'tellMissing'),
    ...never(4, 'wentBack'),
    ...never(2, 'claimed', 'member', 'fenced', 'gone', 'faulted', ...PLACED, ...APPLIED, ...RETRIED, ...READ),
  },
  reading: {
    assigned: go('claiming', 'letGo'),
    revoked: go('unassigned', 'letGo', 'clear'),
    batch: go('placing'),
    gap: go('placing'),
    claimMissing: go('checking'),
    wentBack: go('unclaimed', 'tellWentBack', 'letGo'),
    ...never(2, 'claimed', 'member', 'fenced', 'gone', 'faulted', ...PLACED, ...APPLIED, ...RETRIED, ...READ),
  },
  claiming: {
    claimed: go('reading', 'hold', 'seek'),
    gone: go('unclaimed'),
    faulted: go('unclaimed'),
    ...never(1, ...OUTSIDE),
    ...never(2, 'member', 'fenced', 'wentBack', ...PLACED, ...APPLIED, ...RETRIED, ...READ),
  },
  proving: {
    member: go('claiming'),
    faulted: go('unclaimed'),
    ...never(1, ...OUTSIDE),
    ...never(2, 'claimed', 'fenced', 'wentBack', 'gone', ...PLACED, ...APPLIED, ...RETRIED, ...READ),
  },
  checking: {
    ours: go('reading'),
    fenced: go('claiming', 'tellMissing', 'letGo'),
    wentBack: go('claiming', 'tellWentBack', 'letGo'),
    gone: go('reading'),
    faulted: go('reading'),
    ...never(1, ...OUTSIDE),
    ...never(2, 'claimed', 'member', 'happened', 'notHappened', ...PLACED, ...APPLIED, ...RETRIED),
  },
  placing: {
    follows: go('applying'),
    empty: go('passing'),
    beyond: go('reading', 'seek'),
    behind: go('reading'),
    gone: go('reading'),
    faulted: go('reading'),
    ...never(1, ...OUTSIDE),
    ...never(2, 'claimed', 'member', 'fenced', 'wentBack', ...APPLIED, ...RETRIED, ...READ),
  },
  applying: {
    applied: go('applying', 'count', 'advance', 'tellGroup', 'heartbeat'),
    drained: go('reading'),
    waits: go('retrying', 'noteWaits', 'pause'),
    waitsFurtherOn: go('retrying', 'noteWaits', 'pauseUnlessFirst'),
    stale: go('overtaken', 'forget', 'noteOvertaken'),
    failed: go('doubting', 'forget', 'noteFailure', 'halve'),
    fenced: go('proving', 'tellFenced', 'letGo'),
    gone: go('reading'),
    faulted: go('reading'),
    ...never(1, ...OUTSIDE),
    ...never(2, 'claimed', 'member', 'wentBack', ...PLACED, ...RETRIED, ...READ),
  },
  retrying: {
    ready: go('applying'),
    exhausted: go('reading', 'seek'),
    faulted: go('reading'),
    ...never(1, ...OUTSIDE),
    ...never(2, 'claimed', 'member', 'fenced', 'wentBack', 'gone', ...PLACED, ...APPLIED, ...READ),
  },
  doubting: {
    happened: go('applying', 'adopt', 'tellOutcome', 'advance', 'tellGroup', 'heartbeat'),
    notHappened: go('retrying', 'adopt', 'tellOutcome', 'pause'),
    fenced: go('proving', 'tellFenced', 'letGo'),
    wentBack: go('proving', 'tellWentBack', 'letGo'),
    gone: go('reading'),
    faulted: go('reading'),
    ...never(1, ...OUTSIDE),
    ...never(2, 'claimed', 'member', 'ours', ...PLACED, ...APPLIED, ...RETRIED),
  },
  overtaken: {
    ours: go('retrying', 'adopt', 'pauseUnlessFirst'),
    fenced: go('proving', 'tellFenced', 'letGo'),
    wentBack: go('proving', 'tellWentBack', 'letGo'),
    gone: go('reading'),
    faulted: go('reading'),
    ...never(1, ...OUTSIDE),
    ...never(2, 'claimed', 'member', 'happened', 'notHappened', ...PLACED, ...APPLIED, ...RETRIED),
  },
  passing: {
    applied: go('reading', 'count', 'advance', 'tellGroup'),
    stale: go('passingOvertaken', 'forget'),
    failed: go('reading', 'noteFailure', 'pause', 'seek'),
    fenced: go('unclaimed', 'tellFenced', 'letGo'),
    gone: go('reading'),
    faulted: go('reading'),
    ...never(1, ...OUTSIDE),
    ...never(5, 'drained', 'waits', 'waitsFurtherOn'),
    ...never(2, 'claimed', 'member', 'wentBack', ...PLACED, ...RETRIED, ...READ),
  },
  passingOvertaken: {
    ours: go('reading', 'adopt', 'pause', 'seek'),
    fenced: go('unclaimed', 'tellFenced', 'letGo'),
    wentBack: go('unclaimed', 'tellWentBack', 'letGo'),
    gone: go('reading'),
    faulted: go('reading'),
    ...never(1, ...OUTSIDE),
    ...never(2, 'claimed', 'member', 'happened', 'notHappened', ...PLACED, ...APPLIED, ...RETRIED),
  },
} satisfies Record<State, Record<Event, Transition>>

/** What may happen in a state. */
export type EventIn<S extends State> = {
  [E in Event]: (typeof TABLE)[S][E] extends Go ? E : never
}[Event]

const AT_REST = ['unassigned', 'unclaimed', 'reading'] as const
export type AtRest = (typeof AT_REST)[number]
/** A question is under way. */
export type Busy = Exclude<State, AtRest>
export const atRest = (state: State): state is AtRest => (AT_REST as readonly State[]).includes(state)

/** Throws for a pair that cannot come about. */
export function step(state: State, event: Event): Go {
  const transition: Transition = TABLE[state][event]
  if ('to' in transition) return transition
  const { never } = transition
  throw new Error(
    `A partition that is "${state}" met "${event}", which cannot be (${never}: ${EXCLUDED[never]}). This is a fault in Strandline.`,
  )
}
