/** What readers of the old tables see: the old values, or what is learned (supabase/migrations/…_strandline_moving.sql does it). */
import type { Clock } from '../core/clock.ts'
import { StrandlineError } from '../core/errors.ts'
import { LockOrder } from '../core/store/lock-order.ts'
import { createModelVersionStore } from '../core/store/model-versions.ts'
import { type AskedLog, requireCaughtUp } from '../services/learner/caught-up.ts'
import { databaseStore } from './database-store.ts'
import { ACTIVATION_TURN, inTransaction, LIMITS } from './transaction.ts'

export interface Switched {
  /** ok; again: it was before, and has the grants and policies of now; ours: no table of the old system was here, readers always saw what is learned. */
  status: 'ok' | 'again' | 'ours'
  /** Tables whose readers were switched. */
  names: string[]
}

export interface SwitchPlan {
  /** Names of the old tables whose readers see the old values. */
  waiting: string[]
  /** Names of the old tables whose readers see what is learned. */
  switched: string[]
  /** The model that readers will see; null: none is active. */
  model: string | null
  /** Scored trades behind its coefficients. */
  n: number
  /** Views of others on the old table: they go on reading that. */
  dependents: string[]
}

const SWITCH = 'select strandline.switch_readers($1) as answer'

/** What a switch would do; nothing is changed. Errors: as inTransaction(). */
export function planSwitch(databaseUrl: string): Promise<SwitchPlan> {
  return inTransaction(databaseUrl, async (client) => {
    const [version] = await createModelVersionStore(databaseStore(client)).list()
    const { rows } = await client.query<{ name: string; ours: boolean }>(
      'select name, ours from strandline.readers where not strandline.made(name) order by name',
    )
    const { rows: views } = await client.query<{ name: string }>(
      `select distinct v.oid::regclass::text as name from pg_depend d join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
       join pg_class v on v.oid = r.ev_class
       where d.refclassid = 'pg_class'::regclass and d.refobjid = strandline.old_coefficients() and v.oid <> d.refobjid
         and v.oid is distinct from to_regclass('public.learning_coefficients') order by 1`,
    )
    return {
      waiting: rows.filter((r) => !r.ours).map((r) => r.name),
      switched: rows.filter((r) => r.ours).map((r) => r.name),
      model: version?.active ? version.model : null,
      n: version?.active ? Number(version.n) : 0,
      dependents: views.map((v) => v.name),
    }
  })
}

/**
 * Readers see what is learned from now on. `log`: refused where it is another one than the active model's, or that has not applied all of it; without one that is not looked at.
 * Errors: MODEL_BEHIND (nothing learned, or lagging), LOG_CHECKPOINT_LOST (another log), STORE_REJECTED, STORE_SCHEMA, STORE_UNREACHABLE, LOG_UNREACHABLE.
 */
export function switchReaders(
  databaseUrl: string,
  { log, clock, force = false }: { log?: AskedLog; clock: Clock; force?: boolean },
): Promise<Switched> {
  const locks = lockOrder()
  return inTransaction(databaseUrl, async (client) => {
    if (log && !force) {
      const store = databaseStore(client)
      const [version] = await createModelVersionStore(store).list()
      if (!version?.active)
        throw new StrandlineError('MODEL_BEHIND', 'No learner has run yet: readers would find no coefficient.', {
          todo: 'Run one (./strandline learner, or ./strandline up) and look at ./strandline compare-legacy.',
        })
      await requireCaughtUp({ store, log, clock }, version)
    }
    await client.query(ACTIVATION_TURN)
    await locks.lock(client)
    const { rows } = await client.query<{ answer: Switched }>(SWITCH, [force])
    await client.query(RELOAD)
    return rows[0]!.answer
  })
}

/** Readers see again what they saw before the switch. Errors: as inTransaction(). */
export function restoreReaders(databaseUrl: string): Promise<{ names: string[] }> {
  const locks = lockOrder()
  return inTransaction(databaseUrl, async (client) => {
    await client.query(ACTIVATION_TURN)
    await locks.lock(client)
    const { rows } = await client.query('select strandline.restore_readers() as answer')
    await client.query(RELOAD)
    return rows[0].answer
  })
}

/** The tables that readers are switched in; not by their rows alone, as the learner locks those. */
const lockOrder = () => new LockOrder(['public.learning_configs', 'public.learning_coefficients'], 'access exclusive')

/** PostgREST then looks at the tables anew; nobody else listens. */
const RELOAD = `notify pgrst, 'reload schema'`

const pasted = (...statements: string[]) =>
  `${['begin', ...LIMITS, ACTIVATION_TURN, ...lockOrder().statements(), ...statements, RELOAD, 'commit'].join(';\n')};\n`

/** The same, for an SQL editor. */
export const switchSql = (force: boolean): string => pasted(SWITCH.replace('$1', String(force)))
export const restoreSql = (): string => pasted('select strandline.restore_readers() as answer')
