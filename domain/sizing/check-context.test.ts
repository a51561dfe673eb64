import { describe, expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { TIMEFRAMES } from '../timeframe.ts'
import { checkAgainstModel } from './check-context.ts'

const { definition: lowcap } = loadModel('lowcap-v4')
const { definition: freqtrade } = loadModel('freqtrade')
const check = (context: Record<string, unknown>, timeframe?: string, model: typeof lowcap | null = lowcap) =>
  checkAgainstModel(model, context, timeframe)
const QUIET = { ignored: [], warnings: [] }

test('a context that the model reads whole says nothing', () => {
  const whole = {
    curator: 'x',
    mcap_bucket: ' 1M-2m',
    mcap_at_entry: 1_500_000,
    vol_at_entry: 0,
    intent: null,
    chain: '',
  }
  expect(check(whole, '1h')).toEqual(QUIET)
  expect(check({ strategy: 's', hour: '07', weekday: 'Mon' }, '5m', freqtrade)).toEqual(QUIET)
})

describe('regression: what changes nothing is named', () => {
  test('a field that the model does not read', () => {
    expect(check({ curator: 'x', curatr: 'x', timeframe: '1h', score: 3 })).toEqual({
      ignored: ['curatr', 'timeframe', 'score'],
      warnings: [
        'curatr is ignored: the model lowcap-v4 does not read it.',
        'timeframe is ignored: the model lowcap-v4 does not read it.',
        'score is ignored: the model lowcap-v4 does not read it.',
      ],
    })
  })

  test('a value outside the vocabulary, with the vocabulary', () => {
    expect(check({ age_bucket: 'old' })).toEqual({
      ignored: ['age_bucket'],
      warnings: ["age_bucket is ignored: 'old' is none of <1d, 1-3d, 3-7d, 7-14d, 14-30d, 30-90d, 90d+."],
    })
  })
})

describe('regression: what is a mistake is refused, with what would be right', () => {
  test.each([
    [lowcap, '7y', /lowcap-v4 knows no timeframe '7y'/, new RegExp(TIMEFRAMES.join(', '))],
    [lowcap, '', /knows no timeframe ''/, /1m/],
    [freqtrade, '7y', /There is no timeframe '7y'/, /Use/],
    [null, '7y', /There is no timeframe '7y'/, new RegExp(TIMEFRAMES.join(', '))],
  ])('a timeframe that there is not', (model, timeframe, message, todo) => {
    expect(() => check({}, timeframe, model)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: expect.stringMatching(message),
        todo: expect.stringMatching(todo),
      }),
    )
  })

  test('a number where the model reads a text', () => {
    expect(() => check({ hour: 7 }, undefined, freqtrade)).toThrow(/hour is the number 7; the lever hour reads a text/)
    expect(() => check({ curator: 7 })).toThrow(/curator is the number 7/)
  })

  test('a text where the model reads a number', () => {
    expect(() => check({ mcap_at_entry: '1500000' })).toThrow(
      /mcap_at_entry is "1500000"; the lever cap reads a number/,
    )
  })
})

test('while nothing is learned no field is a mistake', () => {
  expect(check({ anything: 1 }, '1h', null)).toEqual(QUIET)
})
