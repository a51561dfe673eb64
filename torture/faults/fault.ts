/** What a fault is. Each one is a declaration in the list of faults/index.ts. */
import type { Dice } from '../dice.ts'
import type { Stage } from '../stage.ts'

export interface Fault {
  kind: string
  /** What it does, for people: half a sentence. */
  about: string
  /** Why it cannot be done on this machine; nothing where it can. */
  missing?(): string | undefined
  /** The engines need disks of their own for it. */
  disk?: boolean
  /** What it can hit: one of these, by the dice. */
  targets(stage: Stage): string[]
  /** What no other fault may hit meanwhile; the target alone where it is not said. */
  holds?(stage: Stage): string[]
  /** How long it lasts, ms. */
  lasts: [shortest: number, longest: number]
  begin(stage: Stage, target: string, dice: Dice): Promise<void>
  /** Lets go. What it began is over once this resolves. */
  end(stage: Stage, target: string): Promise<void>
}

export const names = (stage: Stage, ...kinds: Parameters<Stage['of']>[0][]): string[] =>
  kinds.flatMap((kind) => stage.of(kind).map((m) => m.service.name))
