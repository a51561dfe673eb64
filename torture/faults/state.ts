/** What happens to the consumers' state in the database while they run. */
import type { Fault } from './fault.ts'

/** All that learner and projector wrote: the log can restore it. */
const TABLES = [
  'strandline.consumer_checkpoints',
  'strandline.learner_ledger',
  'strandline.learner_partials',
  'strandline.dead_letters',
  'strandline.strands',
  'public.ad_strands',
  'public.learning_configs',
]

const copyOf = (table: string) => `tortured.${table.replace('.', '_')}`

/** Statements that are sent together are one transaction. */
const COPY = `
  lock table ${TABLES.join(', ')} in share mode;
  drop schema if exists tortured cascade;
  create schema tortured;
  ${TABLES.map((t) => `create table ${copyOf(t)} as table ${t};`).join('\n')}`

const PUT_BACK = `
  lock table ${TABLES.join(', ')} in access exclusive mode;
  ${TABLES.map((t) => `delete from ${t}; insert into ${t} select * from ${copyOf(t)};`).join('\n')}
  drop schema tortured cascade`

export const STATE_FAULTS: Fault[] = [
  {
    kind: 'state_restored',
    about:
      'the state of learners and projectors, checkpoints included, put back to what it was seconds ago, while they run',
    targets: () => ['consumers'],
    holds: () => ['consumers', 'postgres'],
    lasts: [3_000, 15_000],
    begin: async (stage) => void (await stage.sql(COPY)),
    end: async (stage) => void (await stage.sql(PUT_BACK)),
  },
]
