import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TradeHistory } from '../domain/history/trade-history.ts'
import { historyFile, loadHistory, storeHistory } from './history-file.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'strandline-history-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

test('regression: where no folder can be made nothing is stored, and nobody waits', async () => {
  const history = { partitions: [], state: new TradeHistory().state() }
  for (const folder of ['/proc/nope', join('/dev', 'null', 'x')])
    expect(await storeHistory(historyFile('a', 'model', folder), history)).toBe(false)
})

test('what nobody asked for in a month goes when something is stored, and what is in use stays', async () => {
  const history = { partitions: [], state: new TradeHistory().state() }
  const [used, old] = [historyFile('a', 'model', dir), historyFile('b', 'model', dir)]
  const broken = `${old}.4711` // of a command that was killed
  for (const file of [used, old]) expect(await storeHistory(file, history)).toBe(true)
  await writeFile(broken, 'half')
  const longAgo = new Date(Date.now() - 40 * 86_400_000)
  for (const file of [used, old, broken]) await utimes(file, longAgo, longAgo)
  expect(await loadHistory(used)).not.toBeNull()
  const added = historyFile('c', 'model', dir)
  await storeHistory(added, history)
  expect((await readdir(dir)).map((name) => join(dir, name)).sort()).toEqual([used, added].sort())
})
