import { expect, test } from 'vitest'
import { eventsIn } from './events.ts'

test('events come whole, whatever a trade has in it; a breath is none', () => {
  const state = { symbol: 'A\u2028event: other\u2029data: {}\r\n\n', other: ': ' }
  const sent = `event: loop\ndata: ${JSON.stringify(state)}\n\n:\n\nevent: loop\ndata: 1`
  const { events, rest } = eventsIn(sent)
  expect(events.map(({ name, data }) => [name, JSON.parse(data)])).toEqual([['loop', state]])
  expect(eventsIn(`${rest}2\n\n`).events).toEqual([{ name: 'loop', data: '12' }])
})
