/** From the close into the log. */
import type { Guard } from '../guard.ts'

const RELAY = 'services/pm/relay.ts'
const PRODUCER = 'core/log/kafka-producer.ts'
const OUTBOX = 'services/pm/memory-outbox.ts'
const OUTBOX_SQL = 'supabase/migrations/20261125000400_strandline_outbox.sql'
const POSITIONS_SQL = 'supabase/migrations/20261125000500_strandline_positions.sql'
const POSITIONS_TEST = 'test/store/positions.int.test.ts'
const POSTS_SQL = 'supabase/migrations/20261125001050_strandline_posted_trades.sql'
const CLOSING_SQL = 'supabase/migrations/20261125000550_strandline_closing.sql'
const MEMORY_POSITIONS = 'services/pm/memory-positions.ts'
const FINAL_BARS_TEST = {
  file: 'domain/closing/final-bars.property.test.ts',
  name: 'the last revision has the score of all bars, none repeats the one before it, and what is not marked as provisional stays',
}
const NOT_MODELLED = "kafkajs' producer is not part of the simulation"

export const PUBLISHING: Guard[] = [
  {
    name: 'mark after publish',
    without: 'a row counts as published although the log has not taken it',
    out: [
      {
        file: RELAY,
        find: `        batch.map((b) => b.record),
      )
`,
        by: `        batch.map((b) => b.record),
      ).catch(() => batch.map((_, i) => ({ partition: 0, offset: i, appendedAt: undefined })))
`,
      },
    ],
    tests: [
      {
        file: 'test/pm/relay.int.test.ts',
        name: 'no broker: rows stay with the reason and their attempts; when it is back the work goes on',
      },
    ],
    schedules: 200,
  },
  {
    name: 'the lease of a row runs out',
    without: 'what a relay had claimed when it died is published by nobody',
    out: [
      { file: OUTBOX, find: 'row.claimed_until < db.now())', by: 'row.claimed_by === relay)' },
      { file: OUTBOX_SQL, find: '(claimed_until is null or claimed_until < now())', by: '(claimed_until is null)' },
    ],
    tests: [{ file: 'test/store/outbox.int.test.ts', name: 'a row is claimed by one relay, until its lease is over' }],
    schedules: 60,
  },
  {
    name: "an exit that the broker's clock has not reached waits",
    without: 'a trade that readers refuse, as its exit lies in the future, counts as published',
    out: [{ file: RELAY, find: 'if (late > 0) await hold(row, late)', by: 'if (late < 0) await hold(row, late)' }],
    tests: [
      { file: 'test/pm/clock.int.test.ts', name: 'gets each exit when it has reached it (clock of the PM: right)' },
    ],
    schedules: 600,
  },
  {
    name: 'an acknowledgement without an offset is none',
    without: 'what the client left out of its request, as it does not know the partition, counts as published',
    out: [
      {
        file: PRODUCER,
        find: 'if (choice === undefined || offset === undefined) {',
        by: 'if (choice === undefined && offset === undefined) {',
      },
    ],
    tests: [
      {
        file: 'core/log/kafka-producer.test.ts',
        name: 'is no acknowledgement of what went there: that is sent again by a new client, and the rest keeps its place',
      },
      {
        file: 'core/log/kafka-producer.test.ts',
        name: 'fails those whose records it concerns, not those that were acknowledged',
      },
    ],
    schedules: 0,
    note: NOT_MODELLED,
  },
  {
    name: 'partitions are counted by the client that writes',
    without: 'once a topic has grown, what is meant for a new partition is in no request, and counts as published',
    out: [
      {
        file: 'core/log/partition-choice.ts',
        find: 'const partition = byKey(args)',
        by: `const [one] = args.partitionMetadata
      const grown = { ...one!, partitionId: args.partitionMetadata.length }
      const partition = byKey({ ...args, partitionMetadata: [...args.partitionMetadata, grown] })`,
      },
      {
        file: PRODUCER,
        find: 'const offset = choice && next.get(choice.partition)',
        by: 'const offset = choice && (next.get(choice.partition) ?? 0)',
      },
    ],
    tests: [
      {
        file: 'test/log/growing-topic.int.test.ts',
        name: 'has every event that the relay marked as published',
      },
    ],
    schedules: 0,
    note: NOT_MODELLED,
  },
  {
    name: 'a mark without a place marks nothing',
    without: 'a row counts as published although nobody knows where',
    out: [
      { file: OUTBOX, find: 'if (!isPlace(partition, 9) || !isPlace(offset, 18)) {', by: 'if (id < 0) {' },
      {
        file: OUTBOX_SQL,
        find: 'where o.id = g.id and g."offset" is not null and o.published_at',
        by: 'where o.id = g.id and o.published_at',
      },
    ],
    tests: [{ file: 'test/store/outbox.int.test.ts', name: 'a mark without a place marks nothing' }],
    schedules: 0,
    note: 'the log of the simulation always says where a record lies',
  },
  {
    name: 'a new producer id after any failure',
    without: 'what is written next is taken for a repetition, and dropped',
    out: [
      {
        file: PRODUCER,
        find: `        drop()
        return fail(`,
        by: '        return fail(',
      },
    ],
    tests: [
      {
        file: 'core/log/kafka-producer.test.ts',
        name: 'fails the call, and the next one goes through a new client',
      },
      {
        file: 'test/log/producer.int.test.ts',
        name: 'what is written next is not taken for a repetition of what the others got',
      },
    ],
    schedules: 0,
    note: NOT_MODELLED,
  },
  {
    name: 'an execution is recorded once',
    without: 'a report that is repeated buys or sells once more',
    out: [
      { file: 'services/pm/memory-executions.ts', find: '  if (known) {\n', by: '  if (known && !id) {\n' },
      {
        file: POSITIONS_SQL,
        find: `  select * into known from strandline.pm_executions where id = e ->> 'id';
  if found then`,
        by: `  select * into known from strandline.pm_executions where id = e ->> 'id';
  if false then`,
      },
    ],
    tests: [{ file: POSITIONS_TEST, name: 'an execution is recorded once, and another of its id refused' }],
    schedules: 200,
  },
  {
    name: 'fingerprint of a close',
    without: 'a trade is closed with what was read of it before somebody changed it',
    out: [
      {
        file: MEMORY_POSITIONS,
        find: "  if (fingerprintOf(p) !== trade.fingerprint) return { status: 'changed' }\n",
        by: '',
      },
      {
        file: CLOSING_SQL,
        find: "  if strandline.pm_fingerprint(p) <> c ->> 'fingerprint' then return jsonb_build_object('status', 'changed'); end if;\n",
        by: '',
      },
    ],
    tests: [{ file: POSITIONS_TEST, name: 'what changed since it was read is not closed' }],
    schedules: 600,
  },
  {
    name: 'a score on bars that are not all there is provisional',
    without: 'a trade that closes before its last bar is stored keeps the score of the others for good',
    out: [
      {
        file: 'domain/closing/closing.ts',
        find: 'waits_until: final ? null :',
        by: 'waits_until: final || !score_later ? null :',
      },
    ],
    tests: [FINAL_BARS_TEST],
    schedules: 100,
  },
  {
    name: 'a bar that runs is not there yet',
    without: 'the bar that covers the exit counts with what it was when the trade closed',
    out: [
      {
        file: 'domain/closing/final-bars.ts',
        find: 'exit_bar + length + Math.min(length, LAST_WRITE_MS) <= now',
        by: 'exit_bar <= now',
      },
    ],
    tests: [FINAL_BARS_TEST],
    schedules: 0,
    note: 'its bars are written once',
  },
  {
    name: 'a provisional score gives way to a newer revision',
    without: 'what a person made of a trade is replaced by the score of its bars',
    out: [
      {
        file: MEMORY_POSITIONS,
        find: 'payload.rr !== null || payload.voided : revision !== noted.revision',
        by: 'payload.rr !== null || payload.voided : payload.voided',
      },
      { file: CLOSING_SQL, find: ' or newest.revision <> u.revision\n', by: '\n' },
      { file: CLOSING_SQL, find: 'else latest.revision <> u.revision end or', by: 'else false end or' },
    ],
    tests: [{ file: POSITIONS_TEST, name: 'and was corrected meanwhile stays what it was made' }],
    schedules: 100,
  },
  {
    name: 'a relay writes only to the topic that consumers have read',
    without: 'with the brokers of another log what waits is published there, and read by nobody',
    out: [
      {
        file: 'services/pm/known-log.ts',
        find: '? !ids.includes(id) &&',
        by: '? ids.length === 0 &&',
      },
    ],
    tests: [{ file: 'test/pm/known-log.int.test.ts', name: 'with the brokers of another log nothing is published' }],
    schedules: 0,
    note: 'the simulation has one log',
  },
  {
    name: 'an outbox goes into one topic',
    without: 'trades go into whichever topic a relay was told, and consumers of the other one never read them',
    out: [
      {
        file: 'services/pm/known-log.ts',
        find: 'if (mine.length === 0 && read.length > 0)',
        by: 'if (mine.length < 0)',
      },
      {
        file: 'services/pm/known-log.ts',
        find: 'if (goes_to !== null && goes_to !== topic)',
        by: 'if (goes_to === null && goes_to === topic)',
      },
    ],
    tests: [
      {
        file: 'test/pm/known-log.int.test.ts',
        name: 'what waits in the outbox of one topic is not published into another',
      },
    ],
    schedules: 0,
    note: 'the simulation has one topic',
  },
  {
    name: 'a post is known again by what it says',
    without: 'a correction that a bot posts again, as its answer was lost, is another revision, or an error for good',
    out: [
      {
        file: 'services/pm/memory-posted-trades.ts',
        find: "        if (known) return { status: known.request === text ? 'known' : 'conflict', event: last }\n",
        by: '',
      },
      {
        file: POSTS_SQL,
        find: "  if v_known = v_digest then return jsonb_build_object('status', 'known', 'event', v_newest); end if;\n",
        by: '',
      },
    ],
    tests: [
      {
        file: 'test/store/posted-trades.int.test.ts',
        name: 'a higher revision replaces it, an older one does not; a retraction stays',
      },
    ],
    schedules: 100,
  },
  {
    name: 'a post is looked at again once its trade is named',
    without: 'a trade that the bridge, a backfill or another post brings at that moment counts twice',
    out: [
      {
        file: POSTS_SQL,
        find: '    if v_named then\n',
        by: '    perform strandline.name_trade(ev);\n    if true then\n',
      },
    ],
    tests: [{ file: 'test/store/posted-trades.int.test.ts', name: 'under another name is one trade, not two' }],
    schedules: 0,
    note: 'calls of the database in memory come one after the other',
  },
  {
    name: 'a post that finds its trade is a name of it',
    without: 'of two that are posted with an id, both are taken for the one that was brought without',
    out: [
      {
        file: POSTS_SQL,
        find: '      if v_named then return',
        by: '      if true then return',
      },
      {
        file: 'services/pm/memory-posted-trades.ts',
        find: "          nameTrade(db, event)\n          return { status: 'known', event: last }\n",
        by: "          return { status: 'known', event: last }\n",
      },
    ],
    tests: [
      {
        file: 'test/store/posted-trades.int.test.ts',
        name: 'is one of the trades that are posted with one, not all of them',
      },
    ],
    schedules: 0,
    note: 'a trade has one name there',
  },
]
