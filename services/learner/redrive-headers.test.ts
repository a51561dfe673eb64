import { expect, test } from 'vitest'
import { REDRIVE_OF, REDRIVES, readRedrive, redriveHeaders } from './redrive-headers.ts'

const at = { partition: 3, offset: 9 }
const original = { redrives: 0, redrive_of: null }

test('a copy says how often its record was redriven, and what it is one of', () => {
  const headers = redriveHeaders({ partition: 3, offset: 4 }, 1)
  expect(headers).toEqual({ [REDRIVES]: '2', [REDRIVE_OF]: '3:4' })
  expect(readRedrive(headers, at)).toEqual({ redrives: 2, redrive_of: 4 })
  const asBytes = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]))
  expect(readRedrive(asBytes, at)).toEqual({ redrives: 2, redrive_of: 4 })
})

test.each([
  ['of another partition', { [REDRIVES]: '1', [REDRIVE_OF]: '2:4' }],
  ['of itself', { [REDRIVES]: '1', [REDRIVE_OF]: '3:9' }],
  ['of what lies behind it', { [REDRIVES]: '1', [REDRIVE_OF]: '3:10' }],
  ['of no place', { [REDRIVES]: '1', [REDRIVE_OF]: 'x' }],
  ['of a place alone', { [REDRIVE_OF]: '3:4' }],
  ['of no number', { [REDRIVES]: '-1', [REDRIVE_OF]: '3:4' }],
  ['of a number beyond all', { [REDRIVES]: '9'.repeat(30), [REDRIVE_OF]: '3:4' }],
  ['of none', { [REDRIVES]: '0', [REDRIVE_OF]: '3:4' }],
  ['several times', { [REDRIVES]: ['1', '2'], [REDRIVE_OF]: '3:4' }],
  ['by a name that objects have', JSON.parse('{"__proto__": "1"}')],
])('headers %s make nothing a copy', (_, headers) => {
  expect(readRedrive(headers, at)).toEqual(original)
})
