/** The model versions: which one readers see, what another one would change for them, and switching, rebuilding and dropping. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { LoopState } from '../../page/loop/state.ts'
import type { RebuildAnswer } from '../../page/models/api.ts'
import type { ListedVersion } from '../../services/learner/list-versions.ts'
import { useLive } from '../live.ts'
import { Answer } from '../ui/notice.ts'
import { ReadOnly } from '../ui/read-only.ts'
import { usePolled } from '../ui/use-polled.ts'
import type { ViewProps } from '../view.ts'
import { type Change, ChangeDialog } from './models/change-dialog.ts'
import { ChangedNotice, type Done } from './models/changed-notice.ts'
import { Preview } from './models/preview.ts'
import { Rebuild } from './models/rebuild.ts'
import { exactName, versionText } from './models/version-name.ts'
import { VersionTable } from './models/version-table.ts'

export function ModelsView({ address: { query }, operate }: ViewProps): VNode {
  const models = usePolled<{ models: ListedVersion[] }>('/v1/models')
  const rebuild = usePolled<RebuildAnswer>('/v1/models/rebuild')
  const { again } = models
  useAtSwitch(again)
  const [change, setChange] = useState<Change | null>(null)
  const [done, setDone] = useState<Done | null>(null)
  const listed = models.value?.models ?? []
  const previewed = listed.find((v) => exactName(v) === query.get('preview'))
  const asked = listed.find((v) => v.state === 'dropping' || v.previous)
  const finish = (result: Done) => {
    setChange(null)
    setDone(result)
    again()
  }
  const previous = asked && listed.find((v) => v.previous && v.state !== 'dropping')
  return html`
    <h1>Model versions</h1>
    <p class="quiet">A version is a model folded over the log. Readers see the active one; learners keep all of them up to date, so that a switch and the way back take a moment.</p>
    ${done && html`<${ChangedNotice} of=${done} onClose=${() => setDone(null)} />`}
    <div class="card">
      <h2>Versions</h2>
      <${Answer} of=${models}>${({ models: found }: { models: ListedVersion[] }) => html`
        <${VersionTable} versions=${found} operate=${operate} onDrop=${(version: ListedVersion) => setChange({ kind: 'drop', version })} />
        ${
          operate &&
          previous &&
          html`<p><button type="button" onClick=${() => setChange({ kind: 'rollback', version: previous })}>Roll back to ${versionText(previous)} …</button></p>`
        }
      `}<//>
      ${!operate && html`<${ReadOnly} what="promote, roll back, rebuild or drop a version" />`}
    </div>
    ${
      query.get('preview') &&
      html`<${Preview} name=${query.get('preview')} version=${previewed} operate=${operate} onPromote=${(version: ListedVersion) => setChange({ kind: 'promote', version })} />`
    }
    <${Rebuild} of=${rebuild} versions=${listed} operate=${operate} onChanged=${again} />
    ${change && html`<${ChangeDialog} change=${change} onDone=${finish} onCancel=${() => setChange(null)} />`}
  ` as unknown as VNode
}

/** Readers were switched, by whomever: heard at once, and asked after. */
function useAtSwitch(again: () => void): void {
  const { value } = useLive<LoopState>('/v1/live', 'loop')
  const active = value?.consumers.filter((c) => c.active).map((c) => c.consumer)
  const key = active?.join(' ')
  useEffect(() => {
    if (key !== undefined) again()
  }, [key])
}
