/** A new timeframe touches two files (docs/architecture.md): the list, and the vocabulary of the model that learns it. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { loadModel } from '../core/load-model.ts'
import { SHARES_BEFORE_LEARNING, TIMEFRAMES } from '../domain/timeframe.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MODEL = 'models/lowcap-v4.json'
/** Two of them within a line, one soon after the other. */
const LIST = /\b1m\b.{1,16}\b15m\b|\b1h\b.{1,16}\b4h\b/

test('the default model learns each timeframe that has a tick and a share', () => {
  const lever = loadModel('lowcap-v4').definition.levers.find((l) => l.name === 'timeframe')
  expect(lever?.vocabulary).toEqual(TIMEFRAMES)
})

test('the shares of all add up to the whole', () => {
  expect(Object.values(SHARES_BEFORE_LEARNING).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12)
})

test('the list of timeframes stands nowhere else in what a user runs, nor in the docs', () => {
  const files = execFileSync('git', ['ls-files', '*.ts', '*.sql', '*.json', '*.md', '*.yml'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .trim()
    .split('\n')
    // simulation, torture and fuzz restate on purpose what they judge
    .filter((file) => !/^(test|bench|demo|fuzz|simulation|torture)\/|\.test\.ts$|^package-lock/.test(file))
  expect(files.length).toBeGreaterThan(200)
  const listing = files.filter((file) => LIST.test(readFileSync(`${ROOT}/${file}`, 'utf8')))
  expect(listing.sort()).toEqual(['domain/timeframe.ts', MODEL])
})
