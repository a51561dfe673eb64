/** What each part of a run says of itself. */

export interface Failure {
  part: string
  /** Of the case: with the seed, it makes it again. */
  number: number
  /** One sentence, or what was thrown. */
  problem: string
}

export interface Found {
  cases: number
  failures: Failure[]
}
