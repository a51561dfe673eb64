/** What a commit is compared with before it changes anything. */
import type { Guard } from '../guard.ts'

const MEMORY = 'core/store/memory/checkpoints.ts'
const LEARNER = 'services/learner/memory-learner.ts'
const SQL = 'supabase/migrations/20261125000200_strandline_consumers.sql'
const COMMIT_SQL = 'supabase/migrations/20261125001400_strandline_commit.sql'

const LEARNER_TEST = {
  file: 'test/store/learner.int.test.ts',
  name: 'what is fenced, or knows another state, changes nothing',
}
const STRANDS_TEST = {
  file: 'test/store/strands.int.test.ts',
  name: 'a claim that is not the newest is fenced, one that knows another state is stale; neither changes anything',
}
const OVERTAKEN_TEST = {
  file: 'test/store/learner.int.test.ts',
  name: 'a correction that was overtaken is stale; so is one of another partition that has changed',
}

export const FENCE: Guard[] = [
  {
    name: 'fence',
    without: 'whoever held a partition before overwrites the sums of whoever holds it now',
    out: [
      { file: MEMORY, find: "return 'fenced'\n", by: "return 'ok'\n" },
      { file: MEMORY, find: "return 'stale'\n", by: "return 'ok'\n" },
      { file: SQL, find: "then return 'fenced'; end if;", by: "then return 'ok'; end if;" },
      { file: SQL, find: "then return 'stale'; end if;", by: "then return 'ok'; end if;" },
    ],
    tests: [LEARNER_TEST, STRANDS_TEST],
    schedules: 300,
  },
  {
    name: 'epoch',
    without: 'a holder whose successor has committed nothing yet may still commit',
    out: [
      {
        file: MEMORY,
        find: "if (held?.epoch !== claim.epoch) return 'fenced'",
        by: "if (held === undefined) return 'fenced'",
      },
      { file: SQL, find: 'if not found or held.epoch <> p_epoch then', by: 'if not found then' },
    ],
    tests: [LEARNER_TEST, STRANDS_TEST],
    schedules: 0,
    note: 'alone it is not needed for a right sum: such a commit builds on the state that the successor has read, and makes the next one of the successor stale. It ends a zombie at once',
  },
  {
    name: 'version',
    without: 'of two commits that build on one state the second overwrites the first',
    out: [
      { file: MEMORY, find: 'held.version !== claim.version || ', by: '' },
      { file: SQL, find: 'held.version <> p_version or ', by: '' },
    ],
    tests: [LEARNER_TEST, STRANDS_TEST],
    schedules: 600,
  },
  {
    name: 'checkpoint of a commit',
    without:
      'a database that lost commits, and has counted up to the same version since, takes one from beyond the hole',
    out: [
      { file: MEMORY, find: '(held.checkpoint ?? -1) !== (claim.checkpoint ?? -1)', by: 'false' },
      { file: SQL, find: 'coalesce(held.checkpoint, -1) <> coalesce(p_checkpoint, held.checkpoint, -1)', by: 'false' },
    ],
    tests: [LEARNER_TEST, STRANDS_TEST],
    schedules: 2_000,
  },
  {
    name: "another partition's version",
    without: 'a correction takes a trade out of sums that have changed since they were read',
    out: [
      { file: LEARNER, find: '    for (const other of c.foreign) raiseVersion(other)\n', by: '' },
      { file: COMMIT_SQL, find: ' and c.version = f.version and', by: ' and' },
    ],
    tests: [OVERTAKEN_TEST],
    schedules: 600,
  },
  {
    name: "another partition's checkpoint",
    without: 'a correction writes over sums that a crash took back, and that have changed as often since',
    out: [
      { file: LEARNER, find: ' || row.checkpoint !== checkpoint) throw', by: ') throw' },
      { file: COMMIT_SQL, find: ' and c.checkpoint is not distinct from f.checkpoint;', by: ';' },
    ],
    tests: [{ file: 'test/store/learner.int.test.ts', name: "another partition's sums that a crash took back" }],
    schedules: 0,
    note: 'of 2,000, as PostgreSQL would have to be killed between the reading of a correction and its commit, and the other partition to count up meanwhile',
  },
  {
    name: 'revision that was taken out',
    without: 'a correction that another one has overtaken takes out what is not in the sums any more',
    out: [
      { file: LEARNER, find: 'if (ledger.get(key)?.revision !== trade.was)', by: 'if (!ledger.get(key))' },
      { file: COMMIT_SQL, find: ' and l.revision = c.was;', by: ';' },
    ],
    tests: [OVERTAKEN_TEST],
    schedules: 2_000,
  },
]
