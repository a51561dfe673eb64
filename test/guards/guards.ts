/** Takes guards out, one after the other, in a copy of the tree, and says which tests and how many schedules of the simulation notice. */
import { Command, Option } from 'commander'
import { findStrandlineError, StrandlineError } from '../../core/errors.ts'
import { type Checked, type CheckOptions, checkGuard, checkInPlace } from './check.ts'
import { GUARDS } from './declared/index.ts'
import type { Guard } from './guard.ts'
import { createScratch } from './scratch.ts'
import { rowOf, writeTable } from './table.ts'

interface Options {
  all?: boolean
  guard?: string[]
  list?: boolean
  only?: CheckOptions['only']
  enough: string
  write?: boolean
  json?: boolean
}

const say = (line: string) => process.stderr.write(`${line}\n`)
const print = (text: string) => process.stdout.write(`${text}\n`)

const program = new Command('node test/guards/guards.ts')
  .description('Take guards of exactly once out of a copy of the tree, and see who notices.')
  .option('--all', 'every guard')
  .option('--guard <name...>', 'these')
  .option('--list', 'print the guards that are declared, and do nothing')
  .addOption(
    new Option(
      '--only <part>',
      'quick: without tests that start engines; tests: without schedules; torture: a minute of torture, of those that declare one',
    ).choices(['quick', 'tests', 'torture']),
  )
  .option('--enough <n>', 'schedules that fail, after which no more are run', '3')
  .option('--write', 'write what was seen into docs/exactly-once.md')
  .option('--json', 'print one JSON object: {"guards": [{"name", "tests", "schedules", "problems"}], "verdict"}')
  .addHelpText(
    'after',
    '\nExit codes: 0 every guard is real, 1 one is not as declared, 2 wrong usage, 130 interrupted.',
  )

function chosen({ all, guard: names = [], only }: Options): Guard[] {
  if (all) return only === 'torture' ? GUARDS.filter((g) => g.torture) : GUARDS
  if (names.length === 0)
    throw new StrandlineError('USAGE', 'No guard is named.', { todo: 'Use --all, --guard <name> or --list.' })
  return names.map((name) => {
    const found = GUARDS.find((g) => g.name === name)
    if (!found) throw new StrandlineError('USAGE', `There is no guard '${name}'.`, { todo: 'See --list.' })
    return found
  })
}

async function main(options: Options): Promise<void> {
  if (options.list) {
    print(options.json ? JSON.stringify(GUARDS) : GUARDS.map((g) => `${g.name}: ${g.without}`).join('\n'))
    return
  }
  const guards = chosen(options)
  const enough = Number(options.enough)
  const scratch = await createScratch()
  const interrupt = () => void scratch.remove().finally(() => process.exit(130))
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const checked: Checked[] = []
  try {
    for (const guard of guards) {
      say(`${guard.name} …`)
      const one = await checkGuard(scratch, guard, { only: options.only, enough })
      checked.push(one)
      if (one.tortured?.found) say(`  torture: ${one.tortured.found}`)
      if (one.schedules?.how) say(`  ${one.schedules.failed.length} of ${one.schedules.of}: ${one.schedules.how}`)
      for (const problem of one.problems) say(`  ! ${problem}`)
      if (options.write && one.problems.length === 0) await writeTable([one]) // whoever ends it keeps what was seen
    }
    say('With all of them in place …')
    await checkInPlace(scratch, checked)
  } finally {
    await scratch.remove()
  }
  const failed = checked.filter((c) => c.problems.length > 0)
  if (failed.length > 0) process.exitCode = 1
  if (options.json) {
    const told = checked.map(({ guard: { name }, ...rest }) => ({ name, ...rest }))
    print(JSON.stringify({ guards: told, verdict: failed.length === 0 ? 'pass' : 'fail' }))
  } else
    print(
      [
        ...checked.map((one) => rowOf(one)),
        ...checked.flatMap(({ guard, problems }) => problems.map((problem) => `! ${guard.name}: ${problem}`)),
        '',
        failed.length === 0
          ? `${checked.length} guards are real: without each of them something fails.`
          : `${failed.length} of ${checked.length} are not as declared.`,
      ].join('\n'),
    )
}

program.action(main)
try {
  await program.parseAsync()
} catch (error) {
  const known = findStrandlineError(error)
  if (!known) throw error
  say([known.message, known.todo].filter(Boolean).join(' '))
  if (program.opts().json) print(JSON.stringify({ error: { code: known.code, message: known.message } }))
  process.exitCode = 2
}
