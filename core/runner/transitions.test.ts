import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  ACTIONS,
  atRest,
  EVENTS,
  type Event,
  EXCLUDED,
  type Go,
  STATES,
  type State,
  step,
  TABLE,
  type Transition,
} from './transitions.ts'

const states = Object.keys(STATES) as State[]
const events = Object.keys(EVENTS) as Event[]
const pairs = states.flatMap((state) =>
  events.map((event) => ({ state, event, cell: TABLE[state][event] as Transition })),
)

describe('the table', () => {
  it('has every state with every event', () => {
    expect(pairs).toHaveLength(states.length * events.length)
    for (const { state, event, cell } of pairs)
      expect('to' in cell ? cell.to in STATES : cell.never in EXCLUDED, `${state} × ${event}`).toBe(true)
  })

  it('is refused by the compiler where a pair is missing', () => {
    const { faulted, ...without } = TABLE.reading
    expect(faulted).toBeDefined()
    // @ts-expect-error: `npx tsc --noEmit` fails if this is accepted
    const incomplete: Record<Event, Transition> = without
    expect(Object.keys(incomplete)).toHaveLength(events.length - 1)
  })

  it('throws where a pair cannot be, and says why', () => {
    for (const { state, event, cell } of pairs)
      if ('never' in cell)
        expect(() => step(state, event)).toThrow(
          `A partition that is "${state}" met "${event}", which cannot be (${cell.never}: ${EXCLUDED[cell.never]}). This is a fault in Strandline.`,
        )
      else expect(step(state, event)).toBe(cell)
  })

  it('leads to every state, and from each of them back to rest', () => {
    const next = (state: State) => pairs.flatMap(({ state: s, cell }) => (s === state && 'to' in cell ? [cell.to] : []))
    const reached = (from: State) => {
      const seen = new Set<State>([from])
      for (const state of seen) for (const to of next(state)) seen.add(to)
      return seen
    }
    expect(reached('unassigned').size).toBe(states.length)
    for (const state of states) expect([...reached(state)].some(atRest), state).toBe(true)
  })

  it('uses every action', () => {
    const used = new Set(pairs.flatMap(({ cell }) => ('to' in cell ? cell.does : [])))
    expect([...used].sort()).toEqual(Object.keys(ACTIONS).sort())
  })
})

describe('docs/runner.md', () => {
  const text = readFileSync(new URL('../../docs/runner.md', import.meta.url), 'utf8')

  it.each([
    ['the states', listed(STATES)],
    ['the events', listed(EVENTS)],
    ['the actions', listed(ACTIONS)],
    ['every state × every event', pairRows()],
    [
      'what keeps a pair out',
      Object.entries(EXCLUDED)
        .map(([number, why]) => `${number}. ${why}`)
        .join('\n'),
    ],
  ])('has %s as the code has them', (_, part) => {
    expect(text).toContain(part)
  })
})

function listed(names: Record<string, string>): string {
  return Object.entries(names)
    .map(([name, what]) => `| ${name} | ${what} |`)
    .join('\n')
}

/** Of each state first what may happen, one event a row, then what cannot, one reason a row. */
function pairRows(): string {
  return states
    .flatMap((state) => {
      const own = pairs.filter((p) => p.state === state)
      const may = own.flatMap(({ event, cell }) =>
        'to' in cell ? [`| ${state} | ${event} | ${goes(state, cell)} | ${cell.does.join(', ')} |`] : [],
      )
      const never = Object.keys(EXCLUDED).flatMap((why) => {
        const out = own.flatMap(({ event, cell }) => ('never' in cell && String(cell.never) === why ? [event] : []))
        return out.length > 0 ? [`| ${state} | ${out.join(', ')} | never (${why}) | |`] : []
      })
      return [...may, ...never]
    })
    .join('\n')
}

const goes = (from: State, { to }: Go) => (to === from ? 'stays' : `→ ${to}`)
