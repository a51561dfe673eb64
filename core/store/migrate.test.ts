import { expect, test } from 'vitest'
import { readMigrations } from './migrate.ts'

test('no two migrations have one version: whoever applied the one would take the other for applied', async () => {
  const versions = (await readMigrations()).map((m) => m.version)
  expect(versions.length).toBeGreaterThan(5)
  expect(versions.filter((v, i) => versions.indexOf(v) !== i)).toEqual([])
})
