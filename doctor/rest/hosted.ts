/** What a project shows to somebody who has its URL and its service role key, and no database URL. */
import { withNativePosition } from '../../services/pm/sources/read-strands.ts'
import { judgeOutbox } from '../database/outbox.ts'
import { judgeQueue } from '../database/queue.ts'
import { SHARED } from '../database/shared-tables.ts'
import { inspectTrades, judgeTrades, type OldRow, type TradeSource } from '../database/trades.ts'
import { type Finding, info, list, warning } from '../finding.ts'
import { unseen } from '../inspect.ts'
import type { HostedProject } from './hosted-store.ts'

const PAGE = 500
const UNSEEN =
  'Without a database URL, this was not looked at: types, checks, triggers, policies, rights, locks, the migrations one by one, and what undo takes away.'

/** @param migrated our functions are there */
export async function inspectHosted(
  project: HostedProject,
  migrated: boolean,
  now: () => number,
  say: (found: Finding[]) => void,
): Promise<void> {
  const part = async (area: Finding['area'], what: string, work: () => Promise<Finding[]>) =>
    say(await work().catch((cause) => [unseen(area, what, cause)]))
  say([info('database', UNSEEN, 'Give --database-url (hosted: Connect, session pooler), or set DATABASE_URL.')])
  const there: string[] = []
  await part('tables', 'The old tables', async () => {
    const found: Finding[] = []
    for (const name of SHARED) {
      const state = await project.tableState(name)
      if (state === 'there') there.push(name)
      if (state === 'closed')
        found.push(
          warning(
            'rights',
            `Our key may not read public.${name}: its rows were not looked at.`,
            `grant select on public.${name} to service_role.`,
          ),
        )
    }
    const missing = SHARED.filter((name) => !there.includes(name))
    return [
      ...found,
      ...(there.length > 0 ? [info('tables', `The API shows ${list(there)}.`)] : []),
      ...(missing.length > 0 && found.length === 0 ? [info('tables', `It does not show ${list(missing)}.`)] : []),
    ]
  })
  if (there.includes('learning_queue'))
    await part('bridge', 'learning_queue', async () => judgeQueue(await queue(project, now()), migrated))
  if (migrated)
    await part('outbox', 'The outbox', async () => {
      const { depth, refused, oldest_seconds } = await project.outbox()
      const set_aside = await project.setAside()
      return judgeOutbox({ waiting: depth, refused, oldest_ms: oldest_seconds * 1000, last_error: null, set_aside })
    })
  await part('backfill', 'Closed trades', async () =>
    judgeTrades(await inspectTrades(tradesOverRest(project, migrated), there, now), migrated),
  )
}

async function queue(project: HostedProject, now: number) {
  const { pending, failed, since } = await project.queue()
  const at = since === null ? Number.NaN : Date.parse(/[zZ]|[+-]\d\d(:?\d\d)?$/.test(since) ? since : `${since}Z`)
  return {
    pending,
    more: false,
    since,
    age_ms: Number.isNaN(at) ? null : now - at,
    others: failed > 0 ? { failed } : ({} as Record<string, number>),
  }
}

function tradesOverRest(project: HostedProject, migrated: boolean): TradeSource {
  const typeOfIds = migrated ? project.typeOfPositionIds() : undefined
  typeOfIds?.catch(() => {}) // awaited where strands are read
  /** Before migrate nobody says the type; numbers are no texts, and what the API writes as a UUID everywhere is one. */
  const seen = { numbers: true, uuids: true, any: false }
  const note = ({ id }: { id: unknown }) => {
    seen.any = true
    seen.numbers &&= typeof id === 'number'
    seen.uuids &&= typeof id === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
  }
  const guessed = () => (!seen.any ? 'text' : seen.numbers ? 'bigint' : seen.uuids ? 'uuid' : 'text')
  return {
    async *pages(table) {
      for (let after: unknown = null; ; ) {
        const rows = await project.oldRows(table, after, PAGE)
        if (table === 'lowcap_positions') for (const row of rows) note(row)
        const whole = rows.map((row) => ({ ...row, id: String(row.id) }))
        if (rows.length > 0) {
          const position_ids = (await typeOfIds) ?? guessed()
          yield table === 'ad_strands' ? whole.map((row) => withNativePosition(row, position_ids)) : whole.filter(holds)
        }
        if (rows.length < PAGE) return
        after = rows.at(-1)!.id
      }
    },
    known: async (trades) => (migrated && trades.length > 0 ? project.known(trades) : 0),
  }
}

/** As SQL leaves out what has no trade. */
const holds = ({ completed_trades: trades }: OldRow) =>
  trades !== null &&
  trades !== undefined &&
  !['', '[]', '{}', 'null'].includes(typeof trades === 'string' ? trades : JSON.stringify(trades))
