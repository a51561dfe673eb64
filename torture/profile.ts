/** How hard a run is. */

export interface Profile {
  about: string
  /** A second, at most. */
  closes: number
  /** Records of others a second. */
  records: number
  /** Faults a minute. */
  faults: number
  /** Events of the log a minute, below which a run has done too little. */
  floor: number
  /** Three, of which each has every record; one where it is not said. */
  brokers?: 3
  /** Kinds of faults that are left out. */
  without?: readonly string[]
  /** Watches what each process holds and how large the stores are, and fails where that grows. */
  soak?: boolean
  /** Settings of PostgreSQL over those of embedded/. */
  settings?: Record<string, string>
}

export const PROFILES = {
  default: {
    about: '240 events a second, a fault every five seconds',
    closes: 60,
    records: 180,
    faults: 12,
    floor: 10_000,
  },
  quick: {
    about: 'a short one for a busy machine: 40 events a second, a fault every three seconds',
    closes: 10,
    records: 30,
    faults: 20,
    floor: 200,
  },
  brokers: {
    about: 'three brokers: 80 events a second, a fault every five seconds',
    closes: 20,
    records: 60,
    faults: 12,
    floor: 2_000,
    brokers: 3,
  },
  soak: {
    about: '100 closes a second, or what the machine holds, a fault every minute; what must not grow is watched',
    closes: 100,
    records: 30,
    faults: 1,
    floor: 1_800,
    soak: true,
    without: [
      // what makes something larger for good: a table that was written anew, a further partition
      'state_restored',
      'database_restored',
      'topic_grows',
      'dead_letter_topic_grows',
      // a disk that can be full lies in memory
      'full_disk_kafka',
      'full_disk_postgres',
      // who is started again and again does not live long enough to be watched; the kills remain
      'learner_offsets_back',
      'learner_offsets_ahead',
      'projector_offsets_back',
      'projector_offsets_ahead',
      'clock_ahead_pm',
      'clock_ahead_learner',
      'clock_ahead_projector',
      'clock_jumps',
    ],
    // so that its log is as large as it becomes before the warm-up is over, not after an hour
    settings: { checkpoint_timeout: '60s' },
  },
} satisfies Record<string, Profile>

export type ProfileName = keyof typeof PROFILES
