/** Events into sums and strands: each once, the highest revision, or a letter. */
import type { Guard } from '../guard.ts'

export const LEARNING: Guard[] = [
  {
    name: 'ledger',
    without: 'a trade that comes once more counts once more',
    out: [
      {
        file: 'services/learner/memory-learner.ts',
        find: 'const known = fresh.filter((trade) => ledger.get(ledgerKey(model_version, trade.id)))',
        by: 'const known: Trade[] = []',
      },
      {
        file: 'supabase/migrations/20261125001400_strandline_commit.sql',
        find: 'p_levers) u;',
        by: 'p_levers) u on conflict do nothing;',
      },
    ],
    tests: [
      {
        file: 'test/store/learner.int.test.ts',
        name: 'postgrest what the ledger has is told, and nothing of the chunk is applied',
      },
    ],
    schedules: 30,
  },
  {
    name: 'revision of a trade',
    without: 'an older revision, or the same once more, replaces what counts',
    out: [
      {
        file: 'domain/learning/fold.ts',
        find: 'if (before >= 0 && trades.revision(before) >= trades.revision(trade)) {',
        by: 'if (before >= 0 && trades.revision(before) === trades.revision(trade)) {',
      },
    ],
    tests: [{ file: 'test/learner/corrections.int.test.ts', name: 'that are lower than a void change nothing' }],
    schedules: 60,
  },
  {
    name: 'revision of a strand',
    without: 'an older revision replaces the strand',
    out: [
      {
        file: 'services/projector/memory-strands.ts',
        find: 'const newer = (known?.revision ?? -1) < revision',
        by: 'const newer = true',
      },
      {
        file: 'supabase/migrations/20261125000600_strandline_strands.sql',
        find: 'where coalesce(t.revision, -1) < excluded.revision',
        by: 'where true',
      },
    ],
    tests: [
      {
        file: 'test/projector/projector-commit.int.test.ts',
        name: 'of a trade end at the highest one, in whatever order and batches they come',
      },
    ],
    schedules: 60,
  },
  {
    name: 'rollback of sums in memory',
    without: 'what a commit that came to nothing has added stays in the sums',
    out: [{ file: 'services/learner/sums-cache.ts', find: '        table.copy(row, committed, i)\n', by: '' }],
    tests: [
      { file: 'services/learner/sums-cache.test.ts', name: 'are gone after a rollback, which leaves what was read' },
    ],
    schedules: 30,
  },
  {
    name: 'sums are forgotten when stale',
    without: 'sums that somebody else has changed are written over with what was remembered',
    out: [
      {
        file: 'services/learner/processor.ts',
        find: 'forget: (claim) => void states.delete(claim)',
        by: 'forget: () => undefined',
      },
    ],
    tests: [
      {
        file: 'test/learner/corrections.int.test.ts',
        name: 'corrected through the other one leaves the first, whose learner goes on with what it knows: stale, read again',
      },
    ],
    schedules: 300,
  },
  {
    name: 'dead letter before advance',
    without: 'the checkpoint passes a bad record whose letter did not reach its topic',
    out: [
      {
        file: 'services/learner/processor.ts',
        find: 'await deadLetters.send(claim, dead) : []',
        by: 'await deadLetters.send(claim, dead).catch(() => []) : []',
      },
    ],
    tests: [
      {
        file: 'test/learner/dead-letter.int.test.ts',
        name: 'that is away stops the partition until it is back, and skips nothing',
      },
    ],
    schedules: 200,
  },
  {
    name: 'an unknown schema waits',
    without: 'a registry that denies a schema for a moment makes letters of good trades',
    out: [
      {
        file: 'core/codec/unknown-schemas.ts',
        find: 'return { unknown: ripe(known, since), since',
        by: 'return { unknown: true, since',
      },
    ],
    tests: [
      {
        file: 'core/codec/unknown-schemas.test.ts',
        name: 'is not unknown after one answer, nor after many within a moment',
      },
    ],
    schedules: 200,
  },
]
