/** Whether sizes stood for what came of them: from the smallest bets to the largest, the outcome that was expected against the one that was seen. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { Bucket } from '../../../domain/verdict/verdict.ts'
import { count, number } from '../../numbers.ts'
import { amountText, intervalText } from './amount.ts'

const SIDE = 240
const ROOM = { left: 58, bottom: 34, top: 8, right: 8 }

export function Calibration({ name, learns, buckets }: { name: string; learns: string; buckets: Bucket[] }): VNode {
  const told = buckets.filter((b): b is Bucket & { expected: number } => b.expected !== null)
  return html`
    <h3>Expected against seen</h3>
    <div class="calibration">
      ${told.length > 0 && html`<${Picture} name=${name} learns=${learns} buckets=${told} />`}
      <div class="table" tabindex="0" role="region" aria-label=${`Trades of ${name} from its smallest bets to its largest`}><table>
        <caption class="unseen">Trades of ${name} from its smallest bets to its largest</caption>
        <thead><tr><th scope="col" class="numeric">Size</th><th scope="col" class="numeric">Expected</th><th scope="col" class="numeric">Seen</th><th scope="col" class="numeric">Trades</th></tr></thead>
        <tbody>${buckets.map(
          (b) => html`<tr>
            <th scope="row" class="numeric">× ${number(b.multiplier)}</th>
            <td class="numeric">${amountText(learns)(b.expected)}</td>
            <td class="numeric">${intervalText({ mean: b.outcome, low: b.low, high: b.high }, learns)}</td>
            <td class="numeric">${count(b.n)}</td>
          </tr>`,
        )}</tbody>
      </table></div>
    </div>
    <p class="quiet">On the line a model gets what it stakes on. Flatter than the line: it believes its trades too much; steeper: too little.</p>` as unknown as VNode
}

interface PictureProps {
  name: string
  learns: string
  buckets: (Bucket & { expected: number })[]
}

function Picture({ name, learns, buckets }: PictureProps): VNode {
  const all = buckets.flatMap((b) => [b.expected, b.low, b.high])
  const [least, most] = [Math.min(...all), Math.max(...all)]
  const room = (most - least || 1) * 0.06
  const [low, high] = [least - room, most + room]
  const part = (value: number) => (value - low) / (high - low)
  const x = (value: number) => ROOM.left + part(value) * (SIDE - ROOM.left - ROOM.right)
  const y = (value: number) => SIDE - ROOM.bottom - part(value) * (SIDE - ROOM.bottom - ROOM.top)
  const format = amountText(learns)
  const ticks = [least, (least + most) / 2, most]
  const bottom = SIDE - ROOM.bottom
  return html`<svg class="picture" viewBox=${`0 0 ${SIDE} ${SIDE}`} role="img" aria-label=${`Expected against seen of ${name}: the table beside it has the numbers.`}>
    ${ticks.map(
      (tick) => html`<g key=${tick}>
        <line class="rule" x1=${ROOM.left} x2=${SIDE - ROOM.right} y1=${y(tick)} y2=${y(tick)} />
        <text x=${ROOM.left - 5} y=${y(tick) + 4} text-anchor="end">${format(tick)}</text>
        <text x=${x(tick)} y=${bottom + 14} text-anchor="middle">${format(tick)}</text>
      </g>`,
    )}
    <line class="even" x1=${x(least)} y1=${y(least)} x2=${x(most)} y2=${y(most)} />
    ${buckets.map(
      (b, i) => html`<g key=${i}>
        <line class="error" x1=${x(b.expected)} x2=${x(b.expected)} y1=${y(b.low)} y2=${y(b.high)} />
        <circle cx=${x(b.expected)} cy=${y(b.outcome)} r="4"><title>${`× ${number(b.multiplier)}: expected ${format(b.expected)}, seen ${format(b.outcome)}, ${count(b.n)} trades`}</title></circle>
      </g>`,
    )}
    <text x=${(ROOM.left + SIDE) / 2} y=${SIDE - 4} text-anchor="middle">expected</text>
    <text x=${12} y=${(SIDE - ROOM.bottom) / 2} text-anchor="middle" transform=${`rotate(-90 12 ${(SIDE - ROOM.bottom) / 2})`}>seen</text>
  </svg>` as VNode
}
