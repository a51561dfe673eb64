import { describe, expect, test } from 'vitest'
import { closedTrade } from '../test/support/closed-trade.ts'
import type { Side } from './closing/rr.ts'
import { isRrOfPerson, rescoredOn, retracted, revisedBy, sideOf, withExitPrice, withRr } from './revision.ts'

const BY = 'correct by somebody'
/** 2 → 3, an hour's bar from 1.8 to 3.2: drawdown 10 %. */
const event = closedTrade({ rr: 5, return: 0.5, max_drawdown: 0.1, max_gain: 0.6 })
const BAR: [number, number, number] = [event.opened_at, 1.8, 3.2]

describe('another exit price', () => {
  test('is scored on the bars that are there', () => {
    const next = withExitPrice(event, 2.2, [BAR], BY)
    expect(next).toMatchObject({ revision: 1, exit_price: 2.2, unscored_reason: null, revised_by: BY })
    expect(next.return).toBeCloseTo(0.1, 12)
    expect(next.rr).toBeCloseTo(1, 12)
  })

  test('is scored on the extremes that were known, where there are no bars', () => {
    expect(withExitPrice(event, 2.2, [], BY).rr).toBeCloseTo(1, 12)
    expect(withExitPrice(event, 1, [], BY)).toMatchObject({ rr: -1, max_drawdown: 0.5 }) // the new exit lies below them
  })

  test('of a short trade is a gain where it is lower', () => {
    const short = closedTrade({
      entry_price: 3,
      exit_price: 2,
      return: 1 / 3,
      max_drawdown: 0.1,
      max_gain: 0.4,
      rr: 10 / 3,
    })
    expect(sideOf(short)).toBe('short')
    expect(withExitPrice(short, 2.4, [], BY).rr).toBeCloseTo(2, 12)
  })

  test('of a trade without prices, or that is none, is refused by the trade', () => {
    const imported = closedTrade({ entry_price: 0, exit_price: 0 })
    expect(() => withExitPrice(imported, 2, [], BY)).toThrow(/entry price of the trade .* would be 0, and no R\/R/)
    for (const price of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => withExitPrice(event, price, [BAR], BY)).toThrow(/exit price of the trade/)
  })
})

describe('a trade that does not show whether it was long or short', () => {
  const unsaid = { ...event, return: null }
  const even = { ...event, exit_price: event.entry_price, return: 0 }
  const rounded = { ...event, return: 0 }

  test('is not scored again, and at another exit price only by who knows it', () => {
    for (const trade of [unsaid, even, rounded]) {
      expect(sideOf(trade)).toBeNull()
      expect(rescoredOn(trade, [BAR], BY)).toBeNull()
      expect(() => withExitPrice(trade, 2.2, [BAR], BY)).toThrow(/does not show whether it was long or short/)
      expect(withExitPrice(trade, 2.2, [BAR], BY, 'long').return).toBeCloseTo(0.1, 12)
      expect(withExitPrice(trade, 2.2, [BAR], BY, 'short').return).toBeCloseTo(-0.1, 12)
    }
  })

  test('of one that shows it the other side is refused', () => {
    expect(withExitPrice(event, 2.2, [BAR], BY, 'long').return).toBeCloseTo(0.1, 12)
    expect(() => withExitPrice(event, 2.2, [BAR], BY, 'short')).toThrow(/was long: its prices and its return show it/)
  })
})

test('an R/R that a person gave is known from one of bars, until the trade is scored on them again', () => {
  const scored = withExitPrice(event, 2.2, [BAR], BY)
  const said = withRr(scored, 2.5, BY)
  expect([event, scored, said, withRr(scored, 2.5, 'rescore by somebody')].map(isRrOfPerson)).toEqual([
    false,
    false,
    true,
    false,
  ])
  expect(isRrOfPerson(withRr({ ...event, rr: null, max_drawdown: null }, 1, BY))).toBe(true)
  expect(isRrOfPerson(withExitPrice(said, 2.2, [BAR], BY))).toBe(false)
})

describe('the net return of another exit price', () => {
  const net = (e: Partial<typeof event>, exit_price: number, side?: Side) =>
    withExitPrice({ ...event, ...e }, exit_price, [BAR], BY, side).net_return
  const spot = { net_return: 0.48, fees: 4, stake: 200 }

  test('follows the return, its fees and stake as they were', () => {
    expect(net(spot, 2.2)).toBeCloseTo(0.08, 12)
    expect(withExitPrice({ ...event, ...spot }, 2.2, [BAR], BY)).toMatchObject({ fees: 4, stake: 200 })
    expect(net({ ...spot, net_return: 0.476 }, 2.2)).toBeCloseTo(0.076, 12) // fees in what is divided by, as Freqtrade has them
  })

  test('has the leverage that the trade shows', () => {
    expect(net({ ...spot, net_return: 5 * 0.5 - 0.1, fees: 20 }, 2.2)).toBeCloseTo(5 * 0.1 - 0.1, 12)
    const short = { entry_price: 2, exit_price: 1.6, return: 0.2, net_return: 0.58, fees: 2, stake: 100 }
    expect(net(short, 2.2)).toBeCloseTo(-0.32, 12)
  })

  test('is unknown where nobody can tell it, and stays where nothing changed', () => {
    for (const missing of [{ fees: null }, { stake: null }]) expect(net({ ...spot, ...missing }, 2.2)).toBeNull()
    expect(net({ ...spot, return: null }, 2.2, 'long')).toBeNull()
    expect(net({ ...spot, net_return: null }, 2.2)).toBeNull()
    expect(net({ ...spot, exit_price: 2, return: 0, net_return: -0.02 }, 2.2, 'long')).toBeNull() // of any leverage
    expect(net({ ...spot, net_return: -3 }, 2.2)).toBeNull() // of none
    expect(net({ ...spot, fees: null }, event.exit_price)).toBe(0.48)
  })

  test('is that of the trade under another R/R, on other bars, and retracted', () => {
    const trade = { ...event, ...spot }
    for (const next of [withRr(trade, 1, BY), rescoredOn(trade, [[event.opened_at, 1, 3.2]], BY), retracted(trade, BY)])
      expect(next).toMatchObject(spot)
  })
})

test('another R/R lies within ±10, and scores a trade that had none', () => {
  expect(withRr(closedTrade({ rr: null, unscored_reason: 'no_ohlcv' }), -1, BY)).toMatchObject({
    rr: -1,
    unscored_reason: null,
  })
  for (const rr of [10.1, -11, Number.NaN]) expect(() => withRr(event, rr, BY)).toThrow(/beyond ±10/)
})

test('what a person makes of a provisional trade stays; one that has no score may still get one', () => {
  const provisional = { ...event, provisional: true }
  for (const next of [
    withRr(provisional, 1, BY),
    retracted(provisional, BY),
    withExitPrice(provisional, 2.2, [BAR], BY),
  ])
    expect(next.provisional).toBe(false)
  const open = { ...provisional, rr: null, unscored_reason: 'no_ohlcv' }
  expect(withExitPrice(open, 2.2, [], BY)).toMatchObject({ rr: null, provisional: true })
  expect(withRr(event, 1, BY).provisional).toBe(event.provisional) // nobody said
})

test('a retracted trade stays so', () => {
  const gone = retracted(event, BY)
  expect(gone).toMatchObject({ voided: true, revision: 1 })
  for (const change of [() => retracted(gone, BY), () => withRr(gone, 1, BY), () => withExitPrice(gone, 1, [], BY)])
    expect(change).toThrow(/is retracted \(revision 1\)/)
})

test('scored again it is another revision only where its score is another', () => {
  const same = withExitPrice(event, event.exit_price, [BAR], BY)
  expect(rescoredOn({ ...same, revision: 4 }, [BAR], BY)).toBeNull()
  expect(rescoredOn(same, [], BY)).toBeNull() // what was scored is not unscored
  expect(rescoredOn(same, [[event.opened_at, 1, 3.2]], BY)).toMatchObject({ revision: 2, rr: 1 })
})

test('what a header says of the author is read as it was written, and as it is where somebody wrote otherwise', () => {
  expect(revisedBy({ strandline_revised_by: encodeURI('void by ä: 100 %') })).toBe('void by ä: 100 %')
  expect(revisedBy({ strandline_revised_by: Buffer.from('100 %') })).toBe('100 %')
  expect(revisedBy({})).toBe('')
})
