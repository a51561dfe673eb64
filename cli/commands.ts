/**
 * Every command, in the order of the help, and the module that has it. Only the module of a command that is asked for is loaded: most of
 * what all of them load is of no use to it.
 */
import type { Command } from 'commander'

interface Module {
  register(program: Command): void
}

export interface CommandGroup {
  title: string
  modules: { names: string[]; load: () => Promise<Module> }[]
}

export const GROUPS: CommandGroup[] = [
  {
    title: 'Run it:',
    modules: [
      { names: ['demo'], load: () => import('./demo.ts') },
      { names: ['up'], load: () => import('./up.ts') },
      { names: ['pm', 'learner', 'projector', 'decision'], load: () => import('./service.ts') },
      { names: ['page'], load: () => import('./page.ts') },
      { names: ['env'], load: () => import('./env.ts') },
    ],
  },
  {
    title: 'Give it trades:',
    modules: [
      { names: ['close'], load: () => import('./close.ts') },
      { names: ['connect'], load: () => import('./connect.ts') },
      { names: ['import'], load: () => import('./import.ts') },
      { names: ['backfill'], load: () => import('./backfill.ts') },
    ],
  },
  {
    title: 'Look at it:',
    modules: [
      { names: ['coefficients'], load: () => import('./coefficients.ts') },
      { names: ['allocate'], load: () => import('./allocate.ts') },
      { names: ['lag'], load: () => import('./lag.ts') },
      { names: ['dead-letters'], load: () => import('./dead-letters.ts') },
      { names: ['audit'], load: () => import('./audit.ts') },
      { names: ['verify'], load: () => import('./verify.ts') },
      { names: ['doctor'], load: () => import('./doctor.ts') },
      { names: ['fold'], load: () => import('./fold.ts') },
    ],
  },
  {
    title: 'Fold the log again, and switch readers to what came of it:',
    modules: [
      { names: ['models'], load: () => import('./models.ts') },
      { names: ['rebuild'], load: () => import('./rebuild.ts') },
      { names: ['promote'], load: () => import('./promote.ts') },
      { names: ['rollback'], load: () => import('./rollback.ts') },
      { names: ['drop'], load: () => import('./drop.ts') },
    ],
  },
  {
    title: 'Ask why:',
    modules: [
      { names: ['explain'], load: () => import('./explain.ts') },
      { names: ['history'], load: () => import('./history.ts') },
      { names: ['diff'], load: () => import('./diff.ts') },
      { names: ['trades'], load: () => import('./trades.ts') },
      { names: ['verdict'], load: () => import('./verdict.ts') },
    ],
  },
  {
    title: 'Put right:',
    modules: [{ names: ['correct', 'void', 'rescore'], load: () => import('./correct.ts') }],
  },
  {
    title: 'Move in, and out again:',
    modules: [
      { names: ['compare-legacy'], load: () => import('./compare-legacy.ts') },
      { names: ['switch'], load: () => import('./switch.ts') },
      { names: ['undo'], load: () => import('./undo.ts') },
    ],
  },
  {
    title: 'Parts of it, for other set-ups:',
    modules: [
      { names: ['migrate'], load: () => import('./migrate.ts') },
      { names: ['topics'], load: () => import('./topics.ts') },
      { names: ['registry'], load: () => import('./registry.ts') },
      { names: ['supabase'], load: () => import('./supabase.ts') },
    ],
  },
  {
    title: 'Work on it:',
    modules: [
      { names: ['test'], load: () => import('./test.ts') },
      { names: ['simulate'], load: () => import('./simulate.ts') },
      { names: ['torture'], load: () => import('./torture.ts') },
      { names: ['fuzz'], load: () => import('./fuzz.ts') },
      { names: ['bench'], load: () => import('./bench.ts') },
    ],
  },
]
