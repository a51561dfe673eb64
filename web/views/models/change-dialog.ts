/** The yes to a promotion, a rollback or a drop. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { Dropped } from '../../../services/learner/drop.ts'
import type { ListedVersion } from '../../../services/learner/list-versions.ts'
import type { Promotion } from '../../../services/learner/promote.ts'
import { ask, Refused } from '../../api.ts'
import { count, counted } from '../../numbers.ts'
import { Confirm } from '../../ui/confirm.ts'
import { Failure } from '../../ui/notice.ts'
import type { Done } from './changed-notice.ts'
import { exactName, versionText } from './version-name.ts'

export interface Change {
  kind: 'promote' | 'rollback' | 'drop'
  version: ListedVersion
}

interface ChangeDialogProps {
  change: Change
  onDone(result: Done): void
  onCancel(): void
}

const SAID = {
  promote: { title: 'Switch readers to', verb: 'Promote' },
  rollback: { title: 'Switch readers back to', verb: 'Roll back' },
  drop: { title: 'Take away', verb: 'Drop' },
}

/** What may be overridden, and what one gives up. */
const FORCED: Record<string, string | undefined> = {
  MODEL_BEHIND: 'until its learner has applied them, what readers see lacks these trades',
  LOG_CHECKPOINT_LOST: 'nobody has looked whether it has learned all of its log',
}

export function ChangeDialog({ change: { kind, version }, onDone, onCancel }: ChangeDialogProps): VNode {
  const [busy, setBusy] = useState(false)
  const [force, setForce] = useState(false)
  const [refused, setRefused] = useState<Refused | null>(null)
  const why = refused && FORCED[refused.code]
  const { title, verb } = SAID[kind]
  const confirm = async () => {
    setBusy(true)
    setRefused(null)
    try {
      onDone(await changed(kind, version, force))
    } catch (error) {
      setRefused(error instanceof Refused ? error : new Refused(0, 'INTERNAL', String(error), null))
      setBusy(false)
    }
  }
  return html`<${Confirm} title=${`${title} ${versionText(version)}`} verb=${verb} busy=${busy} onConfirm=${confirm} onCancel=${onCancel}>
    ${kind === 'drop' ? html`<${WhatIsDropped} of=${version} />` : html`<${WhatIsSwitched} of=${version} />`}
    ${refused && html`<${Failure} error=${refused} />`}
    ${
      (why || force) &&
      html`<label class="row"><input type="checkbox" checked=${force} onChange=${() => setForce(!force)} /> Switch all the same${why ? `: ${why}` : ''}.</label>`
    }
  <//>` as VNode
}

async function changed(kind: Change['kind'], version: ListedVersion, force: boolean): Promise<Done> {
  const named = { name: exactName(version), topic: version.topic }
  if (kind === 'drop') return { kind, result: await ask<Dropped>('/v1/models/drop', { body: named }) }
  return { kind, result: await ask<Promotion>(`/v1/models/${kind}`, { body: { ...named, force } }) }
}

const WhatIsSwitched = ({ of: { events, lag } }: { of: ListedVersion }): VNode =>
  html`<p>Allocations, coefficients and the baseline are read from it then, in one transaction: nobody sees half of it. Learners and decision services that run follow at once, and a rollback leads back.</p>
    <p>It has learned ${counted(events, 'trade')}${lag ? html`, and is <strong class="bad">${counted(lag, 'record')} behind</strong>: it is refused until it has applied them, for which it has a few seconds` : ', all of its log'}.</p>` as unknown as VNode

const WhatIsDropped = ({ of: { events, coefficients, sums_of } }: { of: ListedVersion }): VNode =>
  (sums_of
    ? html`<p>It reads the sums of ${versionText(sums_of)}: these stay, and nothing but its name goes. A rebuild makes it again at once.</p>`
    : html`<p>Its ledger (${counted(events, 'trade')}), sums (${count(coefficients)} coefficients), dead letters and checkpoints are taken away, and its consumer group in Kafka. Readers do not see it; the log keeps every trade, so a rebuild makes it again.</p>
    <p>There is no way back but to rebuild it. Large ones take a while; broken off, it goes on when it is said again.</p>`) as unknown as VNode
