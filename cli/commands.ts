/** Every command, in the order of the help. */
import type { Command } from 'commander'
import { register as allocate } from './allocate.ts'
import { register as audit } from './audit.ts'
import { register as backfill } from './backfill.ts'
import { register as bench } from './bench.ts'
import { register as close } from './close.ts'
import { register as coefficients } from './coefficients.ts'
import { register as compareLegacy } from './compare-legacy.ts'
import { register as connect } from './connect.ts'
import { registerCorrect, registerRescore, registerVoid } from './correct.ts'
import { register as deadLetters } from './dead-letters.ts'
import { register as demo } from './demo.ts'
import { register as diff } from './diff.ts'
import { register as doctor } from './doctor.ts'
import { register as drop } from './drop.ts'
import { register as env } from './env.ts'
import { register as explain } from './explain.ts'
import { register as fold } from './fold.ts'
import { register as fuzz } from './fuzz.ts'
import { register as history } from './history.ts'
import { register as importTrades } from './import.ts'
import { register as lag } from './lag.ts'
import { register as migrate } from './migrate.ts'
import { register as models } from './models.ts'
import { register as page } from './page.ts'
import { register as promote } from './promote.ts'
import { register as rebuild } from './rebuild.ts'
import { register as registry } from './registry.ts'
import { register as rollback } from './rollback.ts'
import { register as services } from './service.ts'
import { register as simulate } from './simulate.ts'
import { register as supabase } from './supabase.ts'
import { register as switchReaders } from './switch.ts'
import { register as test } from './test.ts'
import { register as topics } from './topics.ts'
import { register as torture } from './torture.ts'
import { register as trades } from './trades.ts'
import { register as undo } from './undo.ts'
import { register as up } from './up.ts'
import { register as verdict } from './verdict.ts'
import { register as verify } from './verify.ts'

type Register = (program: Command) => void

export const COMMANDS: { group: string; commands: Register[] }[] = [
  { group: 'Run it:', commands: [demo, up, services, page, env] },
  { group: 'Give it trades:', commands: [close, connect, importTrades, backfill] },
  { group: 'Look at it:', commands: [coefficients, allocate, lag, deadLetters, audit, verify, doctor, fold] },
  {
    group: 'Fold the log again, and switch readers to what came of it:',
    commands: [models, rebuild, promote, rollback, drop],
  },
  { group: 'Ask why:', commands: [explain, history, diff, trades, verdict] },
  { group: 'Put right:', commands: [registerCorrect, registerVoid, registerRescore] },
  { group: 'Move in, and out again:', commands: [compareLegacy, switchReaders, undo] },
  { group: 'Parts of it, for other set-ups:', commands: [migrate, topics, registry, supabase] },
  { group: 'Work on it:', commands: [test, simulate, torture, fuzz, bench] },
]
