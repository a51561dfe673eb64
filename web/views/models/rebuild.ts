/** The rebuild that this page runs: how far it is, how the last one ended, and beginning another. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { RebuildAnswer } from '../../../page/models/api.ts'
import type { EndedRebuild, RunningRebuild } from '../../../page/models/rebuilds.ts'
import type { ListedVersion } from '../../../services/learner/list-versions.ts'
import { type Answered, ask, Refused } from '../../api.ts'
import { count, duration, percent, time } from '../../numbers.ts'
import { withQuery } from '../../router.ts'
import { Confirm } from '../../ui/confirm.ts'
import { Answer, Failure } from '../../ui/notice.ts'
import { exactName, shortHash, versionText } from './version-name.ts'

interface RebuildProps {
  of: Answered<RebuildAnswer>
  versions: ListedVersion[]
  operate: boolean
  onChanged(): void
}

export function Rebuild({ of, versions, operate, onChanged }: RebuildProps): VNode {
  return html`<section class="card" aria-labelledby="rebuild-title">
    <h2 id="rebuild-title">Rebuild</h2>
    <p class="quiet">The whole log folded into a new version, beside what readers see: nothing changes for them until it is promoted. Stopped, or broken off, it goes on where it stood when it is begun again.</p>
    <${Answer} of=${of}>${({ running, last, shipped }: RebuildAnswer) => html`
      ${last && !running && html`<${Ended} of=${last} />`}
      ${
        running
          ? html`<${Running} of=${running} operate=${operate} onChanged=${of.again} />`
          : operate
            ? html`<${Begin} shipped=${shipped} versions=${versions} onChanged=${() => {
                of.again()
                onChanged()
              }} />`
            : html`<p class="quiet">None goes on in this page.</p>`
      }
    `}<//>
  </section>` as VNode
}

function Running({ of, operate, onChanged }: { of: RunningRebuild; operate: boolean; onChanged(): void }): VNode {
  const { version, model, applied, total, since, waiting, stopping } = of
  const done = applied === null || !total ? undefined : applied / total
  const stop = () => ask('/v1/models/rebuild/stop', { body: {} }).then(onChanged, onChanged)
  return html`
    <p role="status"><strong>${version ? versionText(version) : (model ?? 'What readers see')}</strong> is being folded${stopping ? ', and given up' : ''}: ${total === null ? 'it has just begun' : `${count(applied ?? 0)} of ${count(total)} records, ${percent(done)}`}, since ${time(since)} UTC.</p>
    <progress aria-label="Records folded" max="1" value=${done}></progress>
    ${waiting && html`<p class="notice warning">${waiting}</p>`}
    ${operate && html`<p><button type="button" disabled=${stopping} onClick=${stop}>Stop</button></p>`}
  ` as unknown as VNode
}

function Ended({ of }: { of: EndedRebuild }): VNode {
  if ('error' in of)
    return html`<div class="notice error"><strong>The last one failed: ${of.error.message}</strong>${of.error.todo && html`<p>${of.error.todo}</p>`}</div>` as VNode
  const { result } = of
  const name = versionText(result)
  if (!result.complete)
    return html`<div class="notice warning"><strong>${name} stands at ${count(result.records)} records.</strong><p>${result.sums_of ? html`It reads the sums of ${versionText(result.sums_of)}: a learner goes on with them.` : 'Begin it again, and it goes on; or drop it.'}</p></div>` as VNode
  const what =
    result.sums_of && result.records === 0
      ? `${name} reads the sums of ${versionText(result.sums_of)}, which are the same: nothing was folded.`
      : `${name} has applied the whole log: ${count(result.records)} records, in ${duration(result.seconds * 1_000)}.`
  return html`<div class="notice well"><strong>${what}</strong>
    <p>${result.active ? 'Readers see it: there was nothing else.' : html`<a href=${withQuery({ preview: exactName(result) })}>What would change for readers</a>`}</p></div>` as VNode
}

interface BeginProps {
  shipped: string[]
  versions: ListedVersion[]
  onChanged(): void
}

function Begin({ shipped, versions, onChanged }: BeginProps): VNode {
  const [model, setModel] = useState('')
  const [asked, setAsked] = useState(false)
  const [busy, setBusy] = useState(false)
  const [refused, setRefused] = useState<Refused | null>(null)
  const own = versions.filter((v) => v.state !== 'dropping' && v.state !== 'active')
  const begin = async () => {
    setBusy(true)
    setRefused(null)
    try {
      await ask('/v1/models/rebuild', { body: model === '' ? {} : { model } })
      setAsked(false)
      onChanged()
    } catch (error) {
      setRefused(error instanceof Refused ? error : new Refused(0, 'INTERNAL', String(error), null))
    }
    setBusy(false)
  }
  const title = `Fold the whole log into a version of ${model === '' ? 'what readers see' : model}`
  return html`<div class="fields">
    <label>Model <select value=${model} onChange=${(event: Event) => setModel((event.target as HTMLSelectElement).value)}>
      <option value="">what readers see, once more</option>
      <optgroup label="Models that come with Strandline">${shipped.map((name) => html`<option value=${name}>${name}</option>`)}</optgroup>
      ${own.length > 0 && html`<optgroup label="Versions that are there">${own.map((v) => html`<option value=${exactName(v)}>${v.name} ${shortHash(v)}</option>`)}</optgroup>`}
    </select></label>
    <button type="button" onClick=${() => setAsked(true)}>Rebuild …</button>
    ${
      asked &&
      html`<${Confirm} title=${title} verb="Rebuild" busy=${busy} onConfirm=${begin} onCancel=${() => setAsked(false)}>
        <p>It reads the log beside the learners, and takes as much room in the database as the version that it is made after. A model that is new here, and whose sums another version has, reads those. Readers see no change.</p>
        <p>One that was begun and is not complete goes on; else a new build is made.</p>
        ${refused && html`<${Failure} error=${refused} />`}
      <//>`
    }
  </div>` as VNode
}
