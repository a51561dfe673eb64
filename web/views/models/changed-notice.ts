/** What was changed, as the commands say it. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { Dropped } from '../../../services/learner/drop.ts'
import type { Promotion } from '../../../services/learner/promote.ts'
import { counted } from '../../numbers.ts'
import { versionText } from './version-name.ts'

export type Done = { kind: 'promote' | 'rollback'; result: Promotion } | { kind: 'drop'; result: Dropped }

export const ChangedNotice = ({ of, onClose }: { of: Done; onClose(): void }): VNode =>
  html`<div class="notice well" role="status">
    <strong>${of.kind === 'drop' ? `${versionText(of.result)} is dropped: ${counted(of.result.rows, 'row')}.` : switched(of.result)}</strong>
    ${of.kind !== 'drop' && html`<p>${more(of.result)}</p>`}
    <p><button type="button" onClick=${onClose}>Close</button></p>
  </div>` as VNode

const switched = (done: Promotion) =>
  `Readers see ${versionText(done)} now: ${counted(done.n, 'trade')} of ${done.topic} count.`

function more({ lag_records, previous }: Promotion): string {
  const lacking =
    lag_records === null
      ? 'The log could not be asked whether that is all of it, or is another one. '
      : lag_records > 0
        ? `They lack ${counted(lag_records, 'record')} of the log until its learner has applied them. `
        : ''
  return `${lacking}${previous ? `Before: ${versionText(previous)}.` : ''}`
}
