/** Each version with what one wants to know of it. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { ListedVersion } from '../../../services/learner/list-versions.ts'
import { bytes, count, duration, outcomeText, time } from '../../numbers.ts'
import { withQuery } from '../../router.ts'
import { Empty } from '../../ui/notice.ts'
import { type Column, Table } from '../../ui/table.ts'
import { exactName, shortHash, versionText } from './version-name.ts'

interface VersionTableProps {
  versions: ListedVersion[]
  operate: boolean
  onDrop(version: ListedVersion): void
}

export function VersionTable({ versions, operate, onDrop }: VersionTableProps): VNode {
  if (versions.length === 0)
    return html`<${Empty}><strong>There is no model version: no learner ever ran.</strong><p>Start one: <code>./strandline up</code>, or <code>./strandline learner</code>.</p><//>` as VNode
  const topics = new Set(versions.map((v) => v.topic)).size > 1
  const columns: Column<ListedVersion>[] = [
    {
      name: 'model',
      title: 'Model',
      cell: (v) =>
        html`<strong class="any">${v.name}</strong> <span class="mono quiet" title=${v.hash}>${shortHash(v)}</span>${v.build > 1 && html` <small>build ${v.build}</small>`}`,
    },
    { name: 'state', title: 'State', cell: (v) => html`<${State} of=${v} />` },
    { name: 'events', title: 'Trades', numeric: true, cell: (v) => count(v.events) },
    { name: 'lag', title: 'Behind', numeric: true, cell: (v) => html`<${Lag} of=${v} />` },
    { name: 'coefficients', title: 'Coefficients', numeric: true, cell: (v) => count(v.coefficients) },
    {
      name: 'size',
      title: 'Size',
      numeric: true,
      cell: (v) =>
        v.sums_of
          ? html`<span class="quiet any" title=${`It reads the sums of ${versionText(v.sums_of)}, and takes no room of its own`}>sums of ${v.sums_of.name}</span>`
          : bytes(v.size_bytes),
    },
    {
      name: 'age',
      title: 'Age',
      numeric: true,
      cell: (v) =>
        html`<span title=${`made ${time(v.created_at)} UTC`}>${duration(Math.max(0, Date.now() - Date.parse(v.created_at)))}</span>`,
    },
    { name: 'learns', title: 'Learns', cell: (v) => html`<span class="any">${outcomeText(v.outcome).title}</span>` },
    ...(topics
      ? [{ name: 'topic', title: 'Topic', cell: (v: ListedVersion) => html`<span class="any">${v.topic}</span>` }]
      : []),
    {
      name: 'actions',
      title: 'Actions',
      cell: (v) => html`<${Actions} of=${v} operate=${operate} onDrop=${onDrop} />`,
    },
  ]
  return html`<${Table} caption="Model versions" columns=${columns} rows=${versions} keyOf=${(v: ListedVersion) => `${v.topic} ${exactName(v)}`} />` as VNode
}

const STATES = {
  active: ['good', 'active', 'readers see it'],
  kept: ['', 'kept', 'kept up to date'],
  building: ['hot', 'building', 'not complete yet'],
  dropping: ['bad', 'dropping', 'being taken away'],
} as const

function State({ of: { state, previous } }: { of: ListedVersion }): VNode {
  const [tone, word, what] = STATES[state]
  return html`<span class=${`tag ${tone}`}>${word}</span> <small class="quiet">${previous && state === 'kept' ? 'active before' : what}</small>` as unknown as VNode
}

const Lag = ({ of: { lag } }: { of: ListedVersion }): VNode =>
  (lag === null
    ? html`<span title="Its topic is not there any more">–</span>`
    : html`<span class=${lag > 0 ? 'hot' : undefined}>${count(lag)}</span>`) as VNode

function Actions({ of: version, operate, onDrop }: { of: ListedVersion } & Omit<VersionTableProps, 'versions'>): VNode {
  const { state } = version
  if (state === 'active') return html`<span class="quiet">–</span>` as VNode
  return html`<span class="buttons">
    ${state !== 'dropping' && html`<a href=${withQuery({ preview: exactName(version) })}>What would change<span class="unseen"> with ${versionText(version)}</span></a>`}
    ${operate && html`<button type="button" class="danger" aria-label=${`Drop ${versionText(version)}`} onClick=${() => onDrop(version)}>${state === 'dropping' ? 'Go on dropping …' : 'Drop …'}</button>`}
  </span>` as VNode
}
