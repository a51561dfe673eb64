/** `strandline switch`: readers of the old tables see what is learned. */
import type { Command } from 'commander'
import { systemClock } from '../core/clock.ts'
import type { SwitchPlan } from '../moving/switch.ts'
import { confirm } from './confirm.ts'
import { chooseDatabase, requireDatabase } from './database-choice.ts'
import { say } from './output.ts'
import { openStack } from './shared.ts'

interface Options {
  databaseUrl?: string
  dataDir?: string
  dryRun?: boolean
  force?: boolean
  yes?: boolean
  json?: boolean
}

export function register(program: Command): void {
  program
    .command('switch')
    .description(
      'Show readers of the old learning_coefficients and learning_configs what is learned, in one transaction. The old table is kept under another name; `undo --switch-only` takes them back.',
    )
    .option('--database-url <url>', 'postgres:// URL of the database (default: DATABASE_URL, else the running stack)')
    .option('--data-dir <dir>', 'the running stack (default: .strandline)')
    .option(
      '--dry-run',
      'say what it would do, print the SQL (it can be pasted into an SQL editor), and change nothing',
    )
    .option(
      '--force',
      'also where little is learned, or the log holds more than the learner has applied, or is another one',
    )
    .option('--yes', 'do not ask; needed where there is no terminal')
    .option('--json', 'print one JSON object: {"status", "names"}, or {"plan", "sql"}')
    .addHelpText(
      'after',
      '\nThe log (KAFKA_BROKERS, or the running stack) is asked whether the learner has applied all of it; it must be the one that was learned from.\n\nExample:\n  ./strandline compare-legacy && ./strandline switch\n',
    )
    .action(async ({ databaseUrl, dataDir, dryRun, force = false, yes, json }: Options) => {
      const { planSwitch, switchReaders, switchSql } = await import('../moving/switch.ts')
      if (dryRun) {
        const chosen = chooseDatabase(databaseUrl, dataDir)
        if (chosen) say(chosen.name)
        const plan = chosen ? await planSwitch(chosen.url) : null
        if (json) return console.log(JSON.stringify({ plan, sql: switchSql(force) }))
        if (plan) for (const line of planLines(plan)) say(line)
        process.stdout.write(switchSql(force))
        return
      }
      const { url, name } = requireDatabase(databaseUrl, dataDir)
      say(name)
      const plan = await planSwitch(url)
      for (const line of planLines(plan)) say(line)
      await confirm('Switch the readers?', { yes })
      const stack = force ? undefined : await openStack({ dataDir, needs: ['kafka'] })
      try {
        const done = await switchReaders(url, { log: stack?.log, clock: systemClock, force })
        if (json) return console.log(JSON.stringify(done))
        console.log(
          done.status === 'ours'
            ? 'No such table was here before Strandline: its readers see what is learned, and always did.'
            : `Readers of ${done.names.join(' and ')} see what is learned now. Back: ./strandline undo --switch-only.`,
        )
      } finally {
        await stack?.close()
      }
    })
}

function planLines({ waiting, switched, model, n, dependents }: SwitchPlan): string[] {
  return [
    `Readers that see the old values: ${waiting.join(', ') || 'none'}. That see what is learned: ${switched.join(', ') || 'none'}.`,
    model === null ? 'No model has learned yet.' : `They will see ${model}: ${n} scored trades.`,
    ...(dependents.length > 0
      ? [`These views go on reading the old table, which is kept: ${dependents.join(', ')}.`]
      : []),
    'Old writers go on (insert, update, delete: into the kept table); an upsert (on conflict) on learning_coefficients is refused by PostgreSQL while a view stands there.',
  ]
}
