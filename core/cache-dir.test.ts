import { expect, test } from 'vitest'
import { cacheDir } from './cache-dir.ts'

test('the cache lies where the environment says, else in the home folder', () => {
  expect(cacheDir({ STRANDLINE_CACHE_DIR: '/x' })).toBe('/x')
  expect(cacheDir({ XDG_CACHE_HOME: '/y' })).toBe('/y/strandline')
  expect(cacheDir({})).toMatch(/\/\.cache\/strandline$/)
})
