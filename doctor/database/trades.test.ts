import { expect, it } from 'vitest'
import { inspectTrades, type OldRow, type TradeSource } from './trades.ts'

const position = (n: number): OldRow => ({
  id: `p${n}`,
  token_ticker: 'X',
  timeframe: '1h',
  completed_trades: [
    { trade_id: `t${n}`, rr: 1, entry_timestamp: '2026-01-01T00:00:00Z', exit_timestamp: '2026-01-02T00:00:00Z' },
  ],
})

/** Looks at so many pages of one position each, of which each takes longer than there is time for all. */
async function inspectSlowly(pages: number) {
  let now = Date.UTC(2026, 1, 1)
  const source: TradeSource = {
    async *pages() {
      for (let n = 0; n < pages; n++) {
        now += 60_000
        yield [position(n)]
      }
    },
    known: async () => 0,
  }
  return inspectTrades(source, ['lowcap_positions'], () => now)
}

it('regression: whoever has looked at all of them does not say that there are more, however long it took', async () => {
  expect(await inspectSlowly(1)).toMatchObject({ trades: 1, missing: 1, cut: false })
})

it('says that there are more, once there are more than there was time for', async () => {
  expect(await inspectSlowly(3)).toMatchObject({ trades: 1, missing: 1, cut: true })
})
