import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { register } from './import.ts'

const dir = mkdtempSync(join(tmpdir(), 'strandline-import-'))
afterAll(() => rmSync(dir, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

const trade = {
  pair: 'ETH/BTC',
  open_date: '2024-03-04 07:10:00+00:00',
  close_date: '2024-03-04 07:15:00+00:00',
  open_rate: 100,
  close_rate: 110,
  exit_reason: 'roi',
}
const write = (name: string, content: unknown) => {
  writeFileSync(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content))
  return join(dir, name)
}
write('ETH_BTC-5m.csv', 'timestamp,open,high,low,close,volume\n2024-03-04T07:10:00Z,100,120,95,110,1\n')
const backtest = write('result.json', {
  strategy: { Dip: { timeframe: '5m', trades: [trade, { ...trade, pair: 'XRP/BTC' }, { ...trade, is_open: true }] } },
})

/** What the command prints on standard output. Engines would not be found: the environment names none, the folder is none. */
async function run(...args: string[]): Promise<string> {
  const lines: string[] = []
  vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(String(line)))
  const program = new Command().exitOverride()
  register(program)
  await program.parseAsync(['import', ...args, '--data-dir', join(dir, 'no-stack')], { from: 'user' })
  return lines.join('\n')
}

test('a dry run needs no engines, also where some are named that are away', async () => {
  vi.stubEnv('SUPABASE_URL', 'http://127.0.0.1:1')
  const said = vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  const program = new Command().exitOverride()
  register(program)
  vi.spyOn(console, 'log').mockImplementation(() => {})
  await program.parseAsync(['import', 'freqtrade', backtest, '--candles', dir, '--dry-run'], { from: 'user' })
  vi.unstubAllEnvs()
  expect(said.mock.calls.flat().join(' ')).toMatch(/It is not compared with .*: SUPABASE_URL is set, and/)
})

test('a dry run with --json is one object: trades in the order of the file, and the summary', async () => {
  const out = JSON.parse(await run('freqtrade', backtest, '--candles', dir, '--dry-run', '--json'))
  expect(out).toMatchObject({
    trades: [
      { symbol: 'ETH/BTC', rr: 2, return: 0.1, unscored_reason: null },
      { symbol: 'XRP/BTC', rr: null, max_drawdown: null, unscored_reason: 'no_ohlcv' },
    ],
    summary: { dry_run: true, read: 2, open: 1, scored: 1, unscored: 1, new: null, already_known: null },
  })
  expect(Object.keys(out.trades[0])).toEqual([
    'position_id',
    'trade_id',
    'symbol',
    'opened_at',
    'closed_at',
    'entry_price',
    'exit_price',
    'return',
    'max_drawdown',
    'max_gain',
    'rr',
    'unscored_reason',
    'net_return',
    'fees',
    'stake',
    'risk_at_entry',
  ])
  expect(out.trades[0]).toMatchObject({ opened_at: '2024-03-04T07:10:00.000Z', closed_at: '2024-03-04T07:15:00.000Z' })
})

test('without --json a person reads what was scored, what was not, and why', async () => {
  const text = await run('freqtrade', backtest, '--candles', dir, '--dry-run')
  expect(text).toContain('2 trades read, 1 scored, 1 not.')
  expect(text).toContain('not scored, no_ohlcv: XRP/BTC')
  expect(text).toMatch(/ETH\/BTC\s+1\s+2\.000/)
  expect(text).toContain('Nothing was imported')
})

test('regression: a folder without any of the candles is refused, with what was looked for and where, unless it is meant', async () => {
  const empty = mkdtempSync(join(dir, 'empty-'))
  const args = ['freqtrade', backtest, '--candles', empty]
  for (const more of [[], ['--dry-run'], ['--json']])
    await expect(run(...args, ...more)).rejects.toMatchObject({
      code: 'USAGE',
      message: `No trade could be scored for want of candles: ETH_BTC-5m (1 trade), XRP_BTC-5m (1 trade) as .csv, .feather, .json or .json.gz, looked for in ${empty}.`,
      todo: expect.stringContaining('--unscored'),
    })
  expect(await run(...args, '--unscored', '--dry-run')).toContain('2 trades read, 0 scored, 2 not.')
})

test('regression: where some of the candles are missing nothing is imported unasked', async () => {
  await expect(run('freqtrade', backtest, '--candles', dir)).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('1 of 2 trades could not be scored for want of candles: XRP_BTC-5m (1 trade)'),
  })
})

test('a dry run of events of our own shape', async () => {
  const file = write(
    'events.jsonl',
    JSON.stringify({ event_id: 'e', exit_ts: '2024-01-01T00:00:00Z', timeframe: '1h', rr: 1, entry_context: {} }),
  )
  expect(JSON.parse(await run('jsonl', file, '--dry-run', '--json'))).toEqual({
    summary: expect.objectContaining({ read: 1, scored: 1, dry_run: true }),
  })
})

test.each([
  [
    'no folder of candles',
    ['freqtrade', backtest, '--candles', join(dir, 'nowhere'), '--dry-run'],
    /There is no folder/,
  ],
  [
    'a file for the folder of candles',
    ['freqtrade', backtest, '--candles', backtest, '--dry-run'],
    /There is no folder/,
  ],
  ['a bad line', ['jsonl', write('bad.jsonl', '{"event_id": 5}'), '--dry-run'], /Line 1: event_id is 5/],
  [
    'a trade in the future',
    [
      'freqtrade',
      write('future.json', {
        strategy: { Dip: { timeframe: '5m', trades: [{ ...trade, close_date: '2999-01-01 00:00:00+00:00' }] } },
      }),
      '--candles',
      dir,
      '--dry-run',
    ],
    /trade 1 \(ETH\/BTC\) has a close_date beyond the year 2100/,
  ],
])('%s is one sentence', async (_name, args, sentence) => {
  await expect(run(...args)).rejects.toThrow(sentence)
})
