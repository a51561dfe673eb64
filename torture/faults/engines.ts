/** What happens to Kafka and PostgreSQL. */
import type { Stage } from '../stage.ts'
import type { Fault } from './fault.ts'

/** One at a time: with two of three away nothing could be acknowledged. */
const BROKERS = {
  targets: (stage: Stage) => stage.brokers.map((b) => b.name),
  holds: () => ['kafka'],
}
const POSTGRES = () => ['postgres']

export const ENGINE_FAULTS: Fault[] = [
  {
    kind: 'kill_kafka',
    about: 'SIGKILL of a broker, started again on its data',
    ...BROKERS,
    lasts: [500, 4_000],
    begin: (stage, target) => stage.engine(target).kill(),
    end: (stage, target) => stage.engine(target).up(),
  },
  {
    kind: 'freeze_kafka',
    about: 'SIGSTOP of a broker, then SIGCONT',
    ...BROKERS,
    lasts: [2_000, 12_000],
    begin: async (stage, target) => stage.engine(target).pause(),
    end: async (stage, target) => stage.engine(target).resume(),
  },
  {
    kind: 'stutter_kafka',
    about: 'a broker stands still for nine tenths of the time, in pieces of 180 ms: as slow as with a bad disk',
    ...BROKERS,
    lasts: [3_000, 10_000],
    begin: async (stage, target) => stage.engine(target).stutter(),
    end: async (stage, target) => stage.engine(target).resume(),
  },
  {
    kind: 'kill_postgres',
    about: 'SIGKILL of PostgreSQL, started again on its data: the newest commits may be gone',
    targets: POSTGRES,
    lasts: [200, 3_000],
    begin: (stage) => stage.postgres.kill(),
    end: (stage) => stage.postgres.up(),
  },
  {
    kind: 'freeze_postgres',
    about:
      'SIGSTOP of PostgreSQL and its sessions, then SIGCONT: it does what it was asked before, whoever still waits for it',
    targets: POSTGRES,
    lasts: [2_000, 20_000],
    begin: async (stage, target) => stage.engine(target).pause(),
    end: async (stage, target) => stage.engine(target).resume(),
  },
  {
    kind: 'stutter_postgres',
    about:
      'PostgreSQL and its sessions stand still for nine tenths of the time, in pieces of 180 ms: as slow as with a bad disk',
    targets: POSTGRES,
    lasts: [3_000, 10_000],
    begin: async (stage, target) => stage.engine(target).stutter(),
    end: async (stage, target) => stage.engine(target).resume(),
  },
  {
    kind: 'crash_postgres',
    about: 'immediate shutdown of PostgreSQL (SIGQUIT), started again',
    targets: POSTGRES,
    lasts: [200, 3_000],
    begin: (stage) => stage.postgres.kill('SIGQUIT'),
    end: (stage) => stage.postgres.up(),
  },
  {
    kind: 'crash_backend',
    about: 'SIGKILL of one of its sessions: PostgreSQL ends all the others and recovers',
    targets: POSTGRES,
    lasts: [500, 1_500],
    async begin(stage, _target, dice) {
      const pids = await sessions(stage)
      if (pids.length > 0) process.kill(dice.pick(pids), 'SIGKILL')
    },
    end: async (stage) => void (await stage.sql('select 1')),
  },
  {
    kind: 'end_sessions',
    about: 'pg_terminate_backend of every session',
    targets: POSTGRES,
    lasts: [100, 500],
    async begin(stage) {
      await stage.sql(
        `select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
      )
    },
    end: async (stage) => void (await stage.sql('select 1')),
  },
]

async function sessions(stage: Stage): Promise<number[]> {
  const rows = await stage.sql<{ pid: number }>(
    `select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() order by pid`,
  )
  return rows.map((r) => r.pid)
}
