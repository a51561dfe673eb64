/** `strandline undo`: the readers back to the old table, or all of Strandline out of the database. */
import type { Command } from 'commander'
import type { UndoOptions, UndoPlan } from '../moving/undo.ts'
import { confirm } from './confirm.ts'
import { chooseDatabase, requireDatabase } from './database-choice.ts'
import { say } from './output.ts'

interface Options extends UndoOptions {
  databaseUrl?: string
  dataDir?: string
  switchOnly?: boolean
  dryRun?: boolean
  yes?: boolean
  json?: boolean
}

export function register(program: Command): void {
  program
    .command('undo')
    .description(
      'Take Strandline out of the database in one transaction: readers see the old tables again, and every object of ours goes. With --switch-only only the readers go back. The log in Kafka stays.',
    )
    .option('--switch-only', 'only take back what `switch` did')
    .option('--database-url <url>', 'postgres:// URL of the database (default: DATABASE_URL, else the running stack)')
    .option('--data-dir <dir>', 'the running stack (default: .strandline)')
    .option('--dry-run', 'say what would go, print the SQL (it can be pasted into an SQL editor), and change nothing')
    .option('--lose-unpublished', 'also with closed trades that are not in the log yet')
    .option('--drop-data', 'also with tables that Strandline made and that hold rows of yours')
    .option('--keep-strands', 'leave the strands of ad_strands that the projector wrote, and their table')
    .option('--yes', 'do not ask; needed where there is no terminal')
    .option('--json', 'print one JSON object: {"undone": "all" | "switch", …}, or {"plan", "sql"}')
    .addHelpText('after', '\nStop the services first.\n\nExample:\n  ./strandline undo --dry-run\n')
    .action(async (options: Options) => {
      const { databaseUrl, dataDir, switchOnly = false, dryRun, yes, json, ...what } = options
      const { planUndo, undo, undoSql } = await import('../moving/undo.ts')
      const { restoreReaders, restoreSql } = await import('../moving/switch.ts')
      if (dryRun) {
        const chosen = chooseDatabase(databaseUrl, dataDir)
        if (chosen) say(chosen.name)
        const plan = chosen ? await planUndo(chosen.url) : null
        const sql = switchOnly ? restoreSql() : await undoSql(what)
        if (json) return console.log(JSON.stringify({ plan, sql }))
        if (plan) for (const line of planLines(plan, switchOnly, what.keepStrands)) say(line)
        process.stdout.write(sql)
        return
      }
      const { url, name } = requireDatabase(databaseUrl, dataDir)
      say(name)
      const plan = await planUndo(url)
      for (const line of planLines(plan, switchOnly, what.keepStrands)) say(line)
      await confirm(switchOnly ? 'Take the readers back?' : 'Take Strandline out of this database?', { yes })
      if (switchOnly) {
        const { names } = await restoreReaders(url)
        if (json) return console.log(JSON.stringify({ undone: 'switch', names }))
        return console.log(
          names.length > 0 ? `Readers of ${names.join(' and ')} see the old values again.` : 'No reader was switched.',
        )
      }
      await undo(url, what)
      if (json) return console.log(JSON.stringify({ undone: 'all', names: plan.switched }))
      console.log(
        'Strandline is out of this database. The log is where it was: ./strandline migrate, then the services, fold it again.',
      )
    })
}

function planLines(
  { running, switched, unpublished, strands, made, added }: UndoPlan,
  switchOnly: boolean,
  keepStrands = false,
): string[] {
  const readers = `Readers that see what is learned: ${switched.join(', ') || 'none'}.`
  if (switchOnly) return [readers]
  const stays = ({ table }: UndoPlan['made'][number]) => keepStrands && table === 'ad_strands'
  const named = (tables: UndoPlan['made']) => tables.map(({ table, rows }) => `${table} (${rows} rows)`).join(', ')
  const [kept, goes] = [made.filter(stays), made.filter((m) => !stays(m))]
  return [
    ...(running.length > 0 ? [`Running, and to be stopped first: ${running.join(', ')}.`] : []),
    readers,
    `Goes: the schema strandline, the functions public.strandline_*${keepStrands ? '' : `, ${strands} strands that the projector wrote`}${added.length > 0 ? `, ${added.join(', ')}` : ''}.`,
    ...(goes.length > 0 ? [`Goes, as Strandline made it: ${named(goes)}.`] : []),
    ...(kept.length > 0 ? [`Stays, with its rows: ${named(kept)}.`] : []),
    ...(unpublished > 0 ? [`In the outbox, and not in the log yet: ${unpublished} closed trades.`] : []),
  ]
}
