/** Whether past trades say anything about the next one: the sentence, then what it rests on. */
import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { ContextsAnswer } from '../../page/sizing/contexts.ts'
import type { TimedVerdict } from '../../page/verdict/verdicts.ts'
import { useAnswer } from '../api.ts'
import { counted, duration, time } from '../numbers.ts'
import { type Address, address } from '../router.ts'
import { Failure } from '../ui/notice.ts'
import { Figures } from './verdict/figures.ts'
import { ModelCard } from './verdict/model-card.ts'
import { Question } from './verdict/question.ts'
import { Waiting } from './verdict/waiting.ts'

const LINES = 5

export function VerdictView({ address: { query } }: { address: Address }): VNode {
  const models = query.get('models')
  const since = query.get('since')
  const question = address('/v1/verdict', { models, since })
  /** The question that was to be computed anew; another one is not. */
  const [fresh, setFresh] = useState('')
  const isFresh = fresh === question
  const answer = useAnswer<TimedVerdict>(isFresh ? address('/v1/verdict', { models, since, fresh: 1 }) : question)
  const known = useAnswer<ContextsAnswer>('/v1/contexts')
  const again = () => {
    if (isFresh) answer.again()
    else setFresh(question)
  }
  const { value: verdict, error, asking } = answer
  return html`
    <h1>Verdict</h1>
    <${Question} models=${models ?? ''} since=${since ?? ''} learned=${known.value?.models ?? []} key=${question} />
    ${error && html`<${Failure} error=${error} />`}
    ${asking && html`<${Waiting} key=${question} />`}
    ${verdict && !error && html`<div aria-busy=${asking ? 'true' : 'false'} class=${asking ? 'old' : undefined}><${Told} verdict=${verdict} again=${again} asking=${asking} /></div>`}
  ` as unknown as VNode
}

interface ToldProps {
  verdict: TimedVerdict
  asking: boolean
  again(): void
}

function Told({ verdict, asking, again }: ToldProps): VNode {
  const { sentence, models, trades, days, caveats, at, seconds } = verdict
  const [said = '', ...rest] = sentence.split(': ')
  const tone = said === 'Better' ? 'well' : said === 'Worse' ? 'error' : 'warning'
  return html`
    <div class=${`notice ${tone}`}><p class="sentence" role="status"><strong>${said}:</strong> <span class="any">${rest.join(': ')}</span></p></div>
    <p class="quiet">Of ${counted(trades, 'trade')} on ${counted(days, 'day')}; computed ${time(at)} UTC, in ${duration(seconds * 1_000)}. <button type="button" class="plain" disabled=${asking} onClick=${again}>Compute it again</button></p>
    ${models.map((model, i) => html`<${ModelCard} key=${model.hash} model=${model} colour=${`--line-${(i % LINES) + 1}`} />`)}
    ${models.length > 0 && html`<${Figures} models=${models} />`}
    <section class="card"><h2>What it is not free of</h2><ul>${caveats.map((caveat) => html`<li>${caveat}</li>`)}</ul></section>
  ` as unknown as VNode
}
