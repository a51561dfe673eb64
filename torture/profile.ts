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
}

export const PROFILES = {
  default: {
    about: '230 events a second, a fault every five seconds',
    closes: 60,
    records: 170,
    faults: 12,
    floor: 2_000,
  },
  quick: {
    about: 'a short one for a busy machine: 40 events a second, a fault every three seconds',
    closes: 10,
    records: 30,
    faults: 20,
    floor: 200,
  },
} satisfies Record<string, Profile>

export type ProfileName = keyof typeof PROFILES
