/** What undo would take away, and what of others stands on it. */
import { count, type Finding, info, list, warning } from '../finding.ts'
import type { Ask } from './read-only.ts'

export interface UndoFacts {
  /** What we added to tables that were here before us. */
  added: { kind: string; table_name: string; object: string }[]
  /** Views of others that read what is ours. */
  dependents: string[]
  /** Services that run against the database: `pm (host, process 12)`. */
  running: string[]
}

export async function inspectUndo(ask: Ask): Promise<UndoFacts> {
  const added = await ask<UndoFacts['added'][number]>(
    `select kind, table_name, object from strandline.added where kind <> 'schema' order by table_name, kind, object`,
  )
  const dependents = await ask<{ name: string }>(`
    select distinct format('%I.%I', vn.nspname, v.relname) as name
    from pg_depend d join pg_class c on c.oid = d.refobjid and d.refclassid = 'pg_class'::regclass join pg_namespace n on n.oid = c.relnamespace
    join pg_rewrite w on w.oid = d.objid and d.classid = 'pg_rewrite'::regclass join pg_class v on v.oid = w.ev_class
    join pg_namespace vn on vn.oid = v.relnamespace
    where n.nspname = 'strandline' and vn.nspname <> 'strandline' and not (vn.nspname = 'public' and v.relname = 'learning_coefficients')`)
  const running = await ask<{ it: string }>(
    `select format('%s (%s)', service, place) as it from strandline.running_services order by 1`,
  )
  return { added, dependents: dependents.map((d) => d.name), running: running.map((r) => r.it) }
}

export function judgeUndo({ added, dependents, running }: UndoFacts): Finding[] {
  const found: Finding[] = []
  const what = added.map((a) => `the ${a.kind} ${a.object} of ${a.table_name}`)
  found.push(
    info(
      'undo',
      `undo takes away the schema strandline, the functions public.strandline_*, and ${added.length === 0 ? 'nothing' : `${count(added.length, 'thing')}`} of the old tables${added.length === 0 ? '' : `: ${list(what)}`}.`,
    ),
  )
  if (running.length > 0)
    found.push(
      info(
        'undo',
        `${list(running)} ${running.length === 1 ? 'runs' : 'run'} against the database: undo refuses until they are stopped.`,
      ),
    )
  if (dependents.length > 0)
    found.push(
      warning(
        'undo',
        `${list(dependents)} of others ${dependents.length === 1 ? 'stands' : 'stand'} on objects of ours, which undo takes away.`,
        'Drop them before undo.',
      ),
    )
  return found
}
