/** The same on PostgreSQL 15, which hosted projects also have, by an owner who is no superuser, with its own pg_dump as the judge. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { migrate } from '../../core/store/migrate.ts'
import { restoreReaders, switchReaders } from '../../moving/switch.ts'
import { undo } from '../../moving/undo.ts'
import { INSTALLED, type InstalledPostgres, startInstalledPostgres } from '../legacy/installed-postgres.ts'
import { createOldDatabase, type OldDatabase } from '../legacy/old-database.ts'
import type { VariantName } from '../legacy/old-system.ts'
import { learn } from './learned-old-trades.ts'

describe.skipIf(INSTALLED === undefined)('pg_dump --schema-only', () => {
  let postgres: InstalledPostgres
  const made: OldDatabase[] = []
  beforeAll(async () => {
    postgres = await startInstalledPostgres(INSTALLED!)
  })
  afterAll(async () => {
    for (const old of made) await old.drop()
    await postgres?.stop()
  })

  test.each<VariantName>(['text', 'uuid', 'bigint'])(
    'is the same to the byte after undo, ids as %s',
    async (variant) => {
      const old = await createOldDatabase(variant, { server: postgres.url, plainOwner: true })
      made.push(old)
      const before = await postgres.dump(old.databaseUrl)
      const rows = await postgres.rows(old.databaseUrl)
      await migrate(old.databaseUrl)
      const migrated = await postgres.dump(old.databaseUrl)
      await learn(old)
      await switchReaders(old.databaseUrl, { clock: systemClock })
      expect(await postgres.dump(old.databaseUrl)).toContain('learning_coefficients_before_strandline')
      await restoreReaders(old.databaseUrl)
      expect(await postgres.dump(old.databaseUrl)).toBe(migrated)
      await switchReaders(old.databaseUrl, { clock: systemClock })
      await undo(old.databaseUrl)
      expect(await postgres.dump(old.databaseUrl)).toBe(before)
      // nobody else wrote: every row is there again as it was
      expect(await postgres.rows(old.databaseUrl)).toEqual(rows)
    },
  )
})
