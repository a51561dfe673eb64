import { expect, test } from 'vitest'
import { loadModel } from '../../core/load-model.ts'
import { seeded } from '../../core/random.ts'
import { byScopeNameKey } from '../learning/offline.ts'
import { coefficientsAt, coefficientsInSteps } from './coefficients-at.ts'
import { NOW } from './cut.ts'
import { createGroupOrder, type GroupOrder } from './group-order.ts'
import { whole } from './steps.ts'
import { TradeHistory } from './trade-history.ts'

const random = seeded(11)
let trades = 0
function add(history: TradeHistory, model: ReturnType<typeof loadModel>, count: number): void {
  for (let i = 0; i < count; i++, trades++) {
    const levers = { curator: `c${Math.floor(random() * 9_000)}`, chain: random() < 0.5 ? 'base' : 'solana' }
    history.add(
      {
        partition: 0,
        offset: trades,
        taken_at: trades,
        event_id: `00000000-0000-4000-8000-${trades.toString(16).padStart(12, '0')}`,
        revision: 0,
        voided: random() < 0.1,
        opened_at: 0,
        closed_at: Math.floor(random() * 1e10),
        rr: random() * 6 - 2,
        position_id: 'p',
        symbol: 's',
        source: 'pm',
        revised_by: '',
      },
      model.combination(model.leverValues({ timeframe: '1h', levers, measures: {} })),
    )
  }
}

test.each(['lowcap-v4', 'lowcap-v5'])(
  '%s: in steps, and in an order that is kept, it is what it is at once',
  (name) => {
    const model = loadModel(name)
    const history = new TradeHistory()
    const order = createGroupOrder(history)
    for (const count of [1, 6_000, 0, 500]) {
      add(history, model, count)
      const effective = history.effective(NOW)
      expect(whole(coefficientsInSteps(history, effective, model, order))).toEqual(
        coefficientsAt(history, effective, model),
      )
    }
    expect(history.groupCount).toBeGreaterThan(10_000) // several steps
  },
)

test('two that ask at once, one of them for more, both get the order', () => {
  const model = loadModel('lowcap-v4')
  const history = new TradeHistory()
  add(history, model, 6_000)
  const order = createGroupOrder(history)
  const first = order.upTo(history.groupCount)
  first.next()
  add(history, model, 500)
  const ask = (of: ReturnType<GroupOrder['upTo']>) => whole(of).groups
  for (const groups of [ask(order.upTo(history.groupCount)), ask(first)]) {
    expect(groups).toHaveLength(history.groupCount)
    expect(groups).toEqual(groups.toSorted(byScopeNameKey))
  }
})
