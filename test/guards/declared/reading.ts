/** Where reading goes on, and whose partition it is. */
import type { Guard } from '../guard.ts'

const RUNNER = 'core/runner/partition-runner.ts'
const RUNNER_TEST = 'core/runner/partition-runner.test.ts'
const WATCH = 'core/lag/consumer-watch.ts'
const WATCH_TEST = 'core/lag/consumer-watch.test.ts'
const HELD = 'core/log/held-partitions.ts'
const HELD_TEST = 'core/log/held-partitions.test.ts'

export const READING: Guard[] = [
  {
    name: 'commit id',
    without: 'a commit whose answer was lost is taken for done',
    out: [
      {
        file: RUNNER,
        find: "call.standing?.last_commit === call.chunk?.commitId ? 'happened'",
        by: "call.standing !== undefined ? 'happened'",
      },
    ],
    tests: [{ file: 'test/learner/lost-answers.int.test.ts', name: 'and it had not happened: it is repeated' }],
    schedules: 200,
  },
  {
    name: 'the lower of checkpoint and group offset',
    without: "a group's offset ahead of the database skips what lies between",
    out: [
      {
        file: 'core/runner/checkpoints.ts',
        find: 'Math.min(committed ?? checkpoint, checkpoint)',
        by: '(committed ?? checkpoint)',
      },
    ],
    tests: [{ file: RUNNER_TEST, name: 'at the checkpoint when the group ran ahead' }],
    schedules: 200,
  },
  {
    name: 'a checkpoint that went back is followed',
    without: 'what a crash of the database, or an older state of it, took along is never read again',
    out: [
      {
        file: 'core/runner/checkpoints.ts',
        find: 'known !== null && (now ?? -1) < known',
        by: 'known !== null && now === undefined',
      },
    ],
    tests: [
      { file: RUNNER_TEST, name: 'is followed although the version is what we expect' },
      { file: RUNNER_TEST, name: 'is followed when somebody else sees it; what is not so is not believed' },
    ],
    schedules: 300,
  },
  {
    name: 'seek back where the log ran ahead',
    without: 'records that the log jumped over are skipped',
    out: [{ file: RUNNER, find: '(afterGap && slot.soughtOffset === cursor)', by: 'fetched > cursor' }],
    tests: [{ file: RUNNER_TEST, name: 'from above sends the log back' }],
    schedules: 600,
  },
  {
    name: 'a gap counts only from where the log was sent to',
    without: 'a gap somewhere behind what was skipped is taken for a gap from where we stand',
    out: [{ file: RUNNER, find: 'afterGap && slot.soughtOffset === cursor', by: 'afterGap' }],
    tests: [
      {
        file: RUNNER_TEST,
        name: 'from above again, after a gap that the log found from where it was sent to, follows',
      },
    ],
    schedules: 0,
    note: 'of 2,000, as it takes a gap right behind records that were jumped over',
  },
  {
    name: 'who was fenced claims anew',
    without: 'a holder that a late claim has fenced stands still for ever',
    out: [
      {
        file: 'core/runner/transitions.ts',
        find: "member: go('claiming')",
        by: "member: go('unclaimed')",
      },
    ],
    tests: [
      {
        file: RUNNER_TEST,
        name: 'because a zombie took it is taken back, and reading goes on where the database stands',
      },
    ],
    schedules: 0,
    note: 'of 2,000, as the watch claims again what was lost, a quarter of a minute later',
  },
  {
    name: 'a gap at the end is passed',
    without: 'the checkpoint never reaches the end where only aborted transactions lie',
    out: [{ file: HELD, find: 'else await handler.passed?.(item.gap, control)', by: 'else await Promise.resolve()' }],
    tests: [
      { file: 'test/learner/sparse-offsets.int.test.ts', name: 'at the very end do not hold back the checkpoint' },
    ],
    schedules: 300,
  },
  {
    name: 'the watch follows a checkpoint that went back',
    without: 'it is followed only once the next record comes',
    out: [{ file: WATCH, find: 'follow(partition, checkpoint, rows)\n', by: 'void [partition, checkpoint]\n' }],
    tests: [
      {
        file: WATCH_TEST,
        name: 'a checkpoint that went back is followed although nothing is read that would show it',
      },
    ],
    schedules: 600,
  },
  {
    name: 'the watch claims again',
    without: 'a partition whose claim was lost is read by nobody until the next record comes',
    out: [{ file: WATCH, find: '      claimAgain(known, rows)\n', by: '' }],
    tests: [
      {
        file: WATCH_TEST,
        name: 'regression: a claim that a dead process took is taken back although nothing comes that would show it',
      },
    ],
    schedules: 600,
  },
  {
    name: "the topic's id",
    without: 'another topic of the same name is taken for the one that was read',
    out: [
      {
        file: 'core/runner/last-record.ts',
        find: 'if (topic_id && topicId && topic_id !== topicId)',
        by: 'if (topic_id === undefined && topicId === undefined)',
      },
    ],
    tests: [{ file: RUNNER_TEST, name: 'not when its id is another one' }],
    schedules: 0,
    note: 'the log of the simulation is never made anew: it stops whoever reads it, for good',
  },
  {
    name: 'the last record that was applied',
    without: 'a log that was cut and has grown again is taken for the one that was read',
    out: [
      {
        file: 'core/runner/last-record.ts',
        find: 'if (!isRecord(found, last_record))',
        by: 'if (found.offset !== last_record.offset)',
      },
    ],
    tests: [
      { file: RUNNER_TEST, name: 'not when another record lies there' },
      { file: RUNNER_TEST, name: 'not when the record was written at another time' },
    ],
    schedules: 0,
    note: 'as the line above',
  },
  {
    name: 'what was fetched ahead is forgotten on a seek',
    without: 'what was fetched before a seek is handed over behind it',
    out: [{ file: HELD, find: '        mine.feed.clear()\n', by: '' }],
    tests: [{ file: HELD_TEST, name: 'what was fetched before reading was sent back is not handed over' }],
    schedules: 2_000,
  },
  {
    name: 'what was fetched ahead belongs to one assignment',
    without: 'what was fetched under an earlier assignment is worked on under the next',
    out: [{ file: HELD, find: 'held.get(partition) === mine,', by: 'held.get(partition) !== undefined,' }],
    tests: [
      { file: HELD_TEST, name: 'what was fetched under an earlier assignment is not handed over under the next' },
    ],
    schedules: 0,
    note: 'of 2,000, as alone it is not needed for a right sum: a partition is worked on by one call at a time, under its claim, and what is handed over is compared with where we stand',
  },
  {
    name: 'an interrupted batch is read again',
    without: 'a batch that a failed heartbeat interrupts is not read again until the next record comes',
    out: [{ file: HELD, find: 'if (control.isActive()) control.seek(', by: 'if (control.isActive()) void (' }],
    tests: [
      { file: HELD_TEST, name: 'a batch that a failed heartbeat interrupts is read again from where it began' },
      {
        file: 'test/log/interrupted.int.test.ts',
        name: 'regression: what was handed over when a heartbeat failed is handed over again',
      },
    ],
    schedules: 0,
    note: 'of 2,000, as a batch is one chunk there, and a heartbeat is asked for behind it',
  },
]
