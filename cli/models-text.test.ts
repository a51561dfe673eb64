import { expect, test } from 'vitest'
import type { ListedVersion } from '../services/learner/list-versions.ts'
import { modelsText, size } from './models-text.ts'
import { barText, duration } from './progress-bar.ts'

const version = (changes: Partial<ListedVersion>): ListedVersion => ({
  name: 'lowcap-v4',
  hash: '0123456789abcdef'.repeat(4),
  build: 1,
  topic: 'pm.position-closed.v1',
  outcome: 'rr',
  active: false,
  state: 'kept',
  previous: false,
  events: 1_234_567,
  lag: 0,
  coefficients: 34_567,
  size_bytes: 345_678_901,
  sums_of: null,
  created_at: '2026-01-01T00:00:00.000Z',
  ...changes,
})
const NOW = Date.UTC(2026, 0, 4)

test('versions are told apart by hash and build, in 80 columns', () => {
  const text = modelsText(
    [
      version({ build: 2, active: true, state: 'active' }),
      version({ previous: true }),
      version({ name: 'freqtrade', hash: 'f'.repeat(64), events: 94, lag: 3 }),
      version({ build: 3, state: 'building' }),
    ],
    NOW,
  )
  const lines = text.split('\n')
  expect(lines[1]).toMatch(/^lowcap-v4 +0123456789ab\.r2 +active +1234567 +0 +34567 +345\.7 MB +3\.0 d$/)
  expect(lines[2]).toMatch(/^lowcap-v4 +0123456789ab +before /)
  expect(lines[4]).toMatch(/ 0123456789ab\.r3 +building /)
  expect(text).toContain('./strandline rebuild goes on with it.')
  expect(text).toContain('./strandline promote ffffffffffff --dry-run')
  expect(Math.max(...lines.map((l) => l.length))).toBeLessThanOrEqual(80)
})

test('where nothing was learned, one sentence says so', () => {
  expect(modelsText([], NOW)).toMatch(/^There is no model version: .*\.$/)
})

test('sizes and spans are as a person reads them', () => {
  expect([size(0), size(8_192), size(2.5e6), size(3.21e9)]).toEqual(['0 kB', '9 kB', '2.5 MB', '3.2 GB'])
  expect([duration(0.2), duration(89), duration(91), duration(7_200)]).toEqual(['1 s', '89 s', '2 min', '2.0 h'])
})

test('a bar says how far it is, how fast, and how long it will take', () => {
  expect(barText(450_000, 1_000_000, 'records', 45_000)).toBe(
    '[#########...........] 45 %, 450000 of 1000000 records, 45000/s, 13 s left',
  )
  expect(barText(0, 10, 'records', 0)).toBe('[....................] 0 %, 0 of 10 records')
  expect(barText(10, 10, 'records', 5)).toBe('[####################] 100 %, 10 of 10 records, 5/s')
  expect(barText(0, 0, 'records', 0)).toContain('100 %')
})

test('versions that read the sums of another are named with it, by hash and, where there are several, by topic', () => {
  const owner = { name: 'lowcap-v4', hash: 'a'.repeat(64), build: 1, topic: 't' }
  const reader = (letter: string, topic = 't') =>
    version({ name: 'mine', hash: letter.repeat(64), topic, size_bytes: 0, sums_of: { ...owner, topic } })
  const text = (versions: ListedVersion[]) => modelsText([version({ ...owner }), ...versions], NOW)
  expect(text([reader('b'), reader('c')])).toContain(
    'The sums of lowcap-v4 (aaaaaaaaaaaa) are kept once, also for mine (bbbbbbbbbbbb), mine (cccccccccccc).',
  )
  expect(text([reader('b')])).toMatch(/mine +b{12} +kept .* shared /)
  const two = text([reader('b'), reader('b', 'u')])
  expect(two).toContain('The sums of lowcap-v4 (aaaaaaaaaaaa) over t are kept once, also for mine (bbbbbbbbbbbb).')
  expect(two).toContain('The sums of lowcap-v4 (aaaaaaaaaaaa) over u are kept once, also for mine (bbbbbbbbbbbb).')
})
