/** A guard of exactly once, and what must notice that it is missing. */
export interface Guard {
  /** As in the table, and for `--guard`. */
  name: string
  /** What goes wrong without it, one sentence for the table. */
  without: string
  /** How it is taken out, in every place where it stands: the memory stores as well as the database's functions. */
  out: Replacement[]
  /** Each of them must fail without it. */
  tests: NamedTest[]
  /** So many schedules of the simulation are tried at most, from seed 1 on; 0: `note` says why none would find it. */
  schedules: number
  note?: string
  /** A minute of torture that must see that it is missing; only `--only torture` pays for it. */
  torture?: { faults: string[]; seed: number }
}

export interface Replacement {
  file: string
  /** Exactly as it stands there, once. */
  find: string
  by: string
}

export interface NamedTest {
  file: string
  /** Its name, or a part of it that no other test of the file has. Of a test that runs for several stores or ways, all must fail. */
  name: string
}

/** Whether a test starts engines. */
export const needsEngines = ({ file }: NamedTest): boolean => file.endsWith('.int.test.ts')
