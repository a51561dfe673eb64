import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { freqtradeEnvironment, readFreqtradeSettings } from './freqtrade-settings.ts'

const dir = mkdtempSync(join(tmpdir(), 'strandline-freqtrade-settings-'))
afterAll(() => rmSync(dir, { recursive: true }))
const passwordFile = join(dir, 'password.txt')
writeFileSync(passwordFile, 'secret')
const flags = { url: 'http://127.0.0.1:8080/', username: 'me', passwordFile }

test('flags go before the environment, and a child is told all of it', () => {
  const found = readFreqtradeSettings(flags, { FREQTRADE_URL: 'http://127.0.0.1:1', FREQTRADE_BOT: 'alpha' })
  expect(found).toEqual({ ...flags, url: 'http://127.0.0.1:8080', wsTokenFile: undefined, bot: 'alpha' })
  expect(readFreqtradeSettings({}, freqtradeEnvironment(found!))).toEqual(found)
  expect(JSON.stringify(freqtradeEnvironment(found!))).not.toContain('secret')
})

test('no URL, no bot', () => {
  expect(readFreqtradeSettings({ username: 'me' }, {})).toBeUndefined()
})

test('half of it is an error that names the flag as it is called there', () => {
  expect(() => readFreqtradeSettings({ ...flags, username: undefined }, {}, '--freqtrade-')).toThrow(
    'The Freqtrade is named, and --freqtrade-username is not given.',
  )
  expect(() => readFreqtradeSettings({ ...flags, url: 'here' }, {}, '--freqtrade-')).toThrow(
    '--freqtrade-url is not the URL of a Freqtrade.',
  )
  expect(() => readFreqtradeSettings({}, { FREQTRADE_URL: 'here' })).toThrow('FREQTRADE_URL is not the URL')
  expect(() => readFreqtradeSettings({ ...flags, passwordFile: join(dir, 'none') }, {})).toThrow(
    'none cannot be read: there is no such file.',
  )
})
