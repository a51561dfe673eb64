import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { StrandlineError } from '../../../../core/errors.ts'
import { readCandles } from '../candles.ts'
import { MOST_CANDLES, readFeather } from './feather-candles.ts'

/** What fixtures/make.py makes, with Freqtrade itself and with pyarrow. */
const FIXTURES = fileURLToPath(new URL('./fixtures', import.meta.url))
const fixture = (name: string) => readFileSync(join(FIXTURES, name))
const LZ4 = 'us/BTC_USDT-5m.feather'

const dir = mkdtempSync(join(tmpdir(), 'strandline-feather-'))
afterAll(() => rmSync(dir, { recursive: true }))

let folders = 0
/** A folder where these bytes are the only file. */
function folderOf(content: Buffer, name = 'BTC_USDT-5m.feather'): string {
  const folder = join(dir, String(++folders))
  mkdirSync(folder)
  writeFileSync(join(folder, name), content)
  return folder
}
const candlesOf = (content: Buffer, name?: string) => readCandles(folderOf(content, name), 'BTC/USDT', '5m')
const all = (candles: ReturnType<typeof readCandles>) => [...candles!.between(0, Number.MAX_SAFE_INTEGER)]
const expected = all(candlesOf(fixture('candles.csv'), 'BTC_USDT-5m.csv'))

test('the CSV that the others are compared with has candles', () => expect(expected).toHaveLength(37))

describe('the candles are those of the CSV', () => {
  test.each([
    ['us', 'BTC/USDT', 'LZ4 and microseconds, as Freqtrade downloads them'],
    ['ms', 'BTC/USDT:USDT', 'milliseconds, futures'],
  ])('%s: %s, %s', (folder, pair) => {
    expect(all(readCandles(join(FIXTURES, folder), pair, '5m'))).toEqual(expected)
  })

  test.each(['zstd', 'uncompressed', 'batches', 'seconds', 'nanoseconds', 'more-columns', 'backwards'])(
    '%s',
    (name) => {
      expect(all(candlesOf(fixture(`${name}.feather`)))).toEqual(expected)
    },
  )

  test('as often as the file has them', () => {
    expect(all(candlesOf(fixture('twice.feather')))).toEqual(expected.flatMap((bar) => [bar, bar]))
  })

  test('none of a file without any', () => expect(all(candlesOf(fixture('empty.feather')))).toEqual([]))

  test('of a stretch of time, those that start in it', () => {
    const candles = readCandles(join(FIXTURES, 'us'), 'BTC/USDT', '5m')!
    expect([...candles.between(expected[3]!.start, expected[5]!.start)]).toEqual(expected.slice(3, 6))
  })
})

test('it comes before the JSON that an earlier Freqtrade left beside it, and after a CSV', () => {
  const folder = join(dir, 'both')
  mkdirSync(folder)
  copyFileSync(join(FIXTURES, LZ4), join(folder, 'BTC_USDT-5m.feather'))
  writeFileSync(join(folder, 'BTC_USDT-5m.json'), '[]')
  expect(all(readCandles(folder, 'BTC/USDT', '5m'))).toEqual(expected)
  writeFileSync(join(folder, 'BTC_USDT-5m.csv'), 'date,low,high\n')
  expect(all(readCandles(folder, 'BTC/USDT', '5m'))).toEqual([])
})

/** The 64-bit number `from` where it stands at a multiple of 8, as Arrow writes its lengths. */
function changed(file: Buffer, from: bigint, to: bigint): Buffer {
  const bytes = Buffer.from(file)
  for (let at = 0; at + 8 <= bytes.length; at += 8) if (bytes.readBigInt64LE(at) === from) bytes.writeBigInt64LE(to, at)
  expect(bytes.equals(file)).toBe(false)
  return bytes
}
/** The first buffer is said to expand to so many bytes. */
function promising(file: Buffer, frame: number[], length: bigint): Buffer {
  const bytes = Buffer.from(file)
  bytes.writeBigInt64LE(length, bytes.indexOf(Buffer.from(frame)) - 8)
  return bytes
}
const LZ4_FRAME = [0x04, 0x22, 0x4d, 0x18]
const ZSTD_FRAME = [0x28, 0xb5, 0x2f, 0xfd]
const withBlockOf = (length: number) => {
  const bytes = Buffer.from(fixture(LZ4))
  bytes.writeUInt32LE(length, bytes.indexOf(Buffer.from(LZ4_FRAME)) + 7)
  return bytes
}

describe('what is no file of candles is refused in one sentence that names it', () => {
  test.each<[string, Buffer, string]>([
    ['no bytes', Buffer.alloc(0), 'is not a Feather file of version 2 (Arrow)'],
    ['text', Buffer.from('date,open\n'), 'is not a Feather file of version 2 (Arrow)'],
    ['Feather of version 1', Buffer.from('FEA1....FEA1'), 'is not a Feather file of version 2 (Arrow)'],
    ['its first half', fixture(LZ4).subarray(0, 2_000), 'is cut off: its end is missing'],
    ['its first bytes', fixture(LZ4).subarray(0, 8), 'is cut off: its end is missing'],
    [
      'one without its middle',
      Buffer.concat([fixture(LZ4).subarray(0, 900), fixture(LZ4).subarray(2_000)]),
      'cannot be read as candles',
    ],
    ['no column low', fixture('no-low.feather'), 'has no column low'],
    ['no column date', fixture('no-date.feather'), 'has no column date'],
    [
      'texts for prices',
      fixture('text-price.feather'),
      'has a column low that does not hold 64-bit floating-point numbers',
    ],
    [
      'prices of 32 bits',
      fixture('half-price.feather'),
      'has a column high that does not hold 64-bit floating-point numbers',
    ],
    ['numbers for dates', fixture('number-date.feather'), 'has a date that is not a timestamp'],
    ['a price that is null', fixture('null-price.feather'), 'has no low in 1 of its candles'],
    ['a price that is NaN', fixture('nan-price.feather'), 'has no number for high in candle 3'],
    ['dates that are null', fixture('null-date.feather'), 'has no date in 2 of its candles'],
    ['a column of lists', fixture('lists.feather'), 'has a column "more" of a kind that is in no file of candles'],
    ['too many candles', changed(fixture(LZ4), 37n, 2n ** 28n), 'claims to have 268435456 candles'],
    [
      'more candles than there are',
      changed(fixture('uncompressed.feather'), 37n, 2n ** 20n),
      'cannot be read as candles',
    ],
    ['fewer than none', changed(fixture(LZ4), 37n, -1n), 'cannot be read as candles'],
    ['a buffer of 2 GB in LZ4', promising(fixture(LZ4), LZ4_FRAME, 2n ** 31n), 'cannot be read as candles'],
    [
      'a buffer of 2 GB in zstd',
      promising(fixture('zstd.feather'), ZSTD_FRAME, 2n ** 31n),
      'cannot be read as candles',
    ],
    ['a buffer of less than none', promising(fixture(LZ4), LZ4_FRAME, -2n), 'cannot be read as candles'],
    ['a block of LZ4 of 2 GB', withBlockOf(0x7fff_ffff), 'cannot be read as candles'],
    ['a stored block of LZ4 of 2 GB', withBlockOf(0xffff_ffff), 'cannot be read as candles'],
    ['a frame of LZ4 that ends early', withBlockOf(0), 'cannot be read as candles'],
  ])('%s', (_, content, sentence) => {
    const folder = folderOf(content)
    expect(() => readCandles(folder, 'BTC/USDT', '5m')).toThrow(
      expect.objectContaining({
        code: 'FILE_INVALID',
        message: `${join(folder, 'BTC_USDT-5m.feather')} ${sentence}.`,
        todo: 'Export or download the candles of this pair again.',
      }),
    )
  })
})

/** As bytes get lost on disks. Where lengths are taken for true, as by arrow-js and flechette, one file of a hundred takes minutes here, or all memory. */
test.each([LZ4, 'zstd.feather', 'uncompressed.feather'])('%s with any byte damaged is read or refused', (name) => {
  const whole = fixture(name)
  const unexpected: unknown[] = []
  for (let at = 0; at < whole.length; at++)
    for (const byte of [0x7f, 0xff]) {
      const bytes = Buffer.from(whole)
      bytes[at] = byte
      try {
        const { start } = readFeather(bytes, (what) => new StrandlineError('FILE_INVALID', what))
        if (start.length > MOST_CANDLES) unexpected.push(`byte ${at}: ${start.length} candles`)
      } catch (error) {
        if (!isRefusal(error)) unexpected.push(error)
      }
    }
  expect(unexpected).toEqual([])
})

const isRefusal = (error: unknown) =>
  error instanceof StrandlineError ||
  error instanceof RangeError ||
  /^Z|^ERR_BUFFER_TOO_LARGE$/.test(String((error as NodeJS.ErrnoException).code))
