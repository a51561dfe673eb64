/** `strandline fuzz`: bad records, requests and files at volume, and everybody who has no key. */
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import type { FuzzReport } from '../fuzz/report.ts'
import { wholeNumber } from './numbers.ts'
import { say } from './output.ts'
import { createProgress } from './progress.ts'

interface Options {
  records: number
  requests: number
  imports: number
  access: boolean
  seed?: number
  case?: string
  json?: boolean
}

const LARGEST_SEED = 2 ** 32
/** Failures that are printed. */
const SHOWN = 20

export function register(program: Command): void {
  program
    .command('fuzz')
    .description(
      'Send bad input at volume: mutated records, HTTP requests and import files, and attempts without a key at everything that the database lists. Each must be applied or refused with its reason.',
    )
    .option('--records <n>', 'mutated records through codec, learner and projector, in memory', wholeNumber, 1_000_000)
    .option('--requests <n>', 'mutated HTTP requests to services of its own; 0: none', wholeNumber, 50_000)
    .option('--imports <n>', 'mutated files through the importers', wholeNumber, 50_000)
    .option('--no-access', 'leave out the attempts without a key')
    .option('--seed <n>', 'which input (default: a new one each time)', wholeNumber)
    .option('--case <part/number>', 'this one alone, of the seed, e.g. records/4711: print it and what becomes of it')
    .option('--json', 'print one JSON object: seed, records, imports, requests, access, seconds, verdict, failures')
    .addHelpText(
      'after',
      `
One seed is always the same input, and each case of it can be made again alone. Needs what ./strandline up needs, unless --requests 0 --no-access.
Exit codes: 0 all is well, 1 something was neither applied nor refused as it must be, 2 wrong usage. What it does: docs/bad-input.md.

Examples:
  ./strandline fuzz
  ./strandline fuzz --records 100000 --requests 0 --imports 0 --no-access --seed 7 --json
  ./strandline fuzz --seed 7 --case records/4711
`,
    )
    .action(run)
}

async function load() {
  try {
    return { ...(await import('../fuzz/fuzz.ts')), ...(await import('../fuzz/show-case.ts')) }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new StrandlineError('USAGE', 'The fuzzer is not part of an installation without its sources.', {
      todo: 'Run it from a checkout of the project.',
      cause,
    })
  }
}

async function run({ seed, case: one, json, ...counts }: Options): Promise<void> {
  if ((seed ?? 0) >= LARGEST_SEED)
    throw new StrandlineError('USAGE', `--seed is ${seed}.`, { todo: 'Use a seed below 4294967296.' })
  const { fuzz, showCase } = await load()
  if (one !== undefined) {
    if (seed === undefined)
      throw new StrandlineError('USAGE', '--case is of a seed, and there is none.', { todo: 'Give --seed as well.' })
    const shown = await showCase(seed, one)
    console.log(json ? JSON.stringify(shown) : JSON.stringify(shown, null, 2))
    if (shown.problem !== null) process.exitCode = 1
    return
  }
  const chosen = seed ?? Math.floor(Math.random() * LARGEST_SEED)
  say(`seed ${chosen}`)
  const progress = createProgress()
  const ending = new AbortController()
  const interrupt = () => ending.abort()
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  try {
    const report = await fuzz({ ...counts, seed: chosen, progress, signal: ending.signal })
    progress.end()
    console.log(json ? JSON.stringify(report) : reportText(report))
    if (report.verdict !== 'pass') process.exitCode = 1
  } catch (error) {
    if (!ending.signal.aborted) throw error
    process.exitCode = 130
  } finally {
    progress.end()
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

const listed = (counts: Record<string, number>) =>
  Object.entries(counts)
    .map(([name, n]) => `${name} ${n}`)
    .join(', ')

function reportText({ seed, records, imports, requests, access, seconds, verdict, failures }: FuzzReport): string {
  const lines: string[] = []
  if (records) {
    lines.push(
      `records   ${records.cases}: ${records.applied} applied, ${records.not_for_model} of a source that the model leaves out`,
    )
    lines.push(`          refused: ${listed(records.refused)}`)
    const { bytes_per_case, first_mb, last_mb } = records.memory
    const slope = bytes_per_case === null ? 'too few records for a slope' : `${bytes_per_case} bytes a record`
    lines.push(`          memory: ${first_mb} MB, then ${last_mb} MB (${slope})`)
  }
  if (imports) lines.push(`imports   ${imports.cases}: ${imports.taken} taken, ${imports.refused} refused`)
  if (requests) lines.push(`requests  ${requests.cases}: ${listed(requests.answers)}`)
  if (access)
    lines.push(
      `access    ${access.cases} attempts at ${access.relations} tables, views and sequences and ${access.functions} functions`,
    )
  for (const { part, number, problem } of failures.slice(0, SHOWN)) lines.push(`${part}/${number}: ${problem}`)
  if (failures.length > SHOWN) lines.push(`… and ${failures.length - SHOWN} more: --json has them all.`)
  lines.push(
    verdict === 'pass'
      ? `All of it was applied or refused with its reason, in ${seconds} s (seed ${seed}).`
      : `${failures.length} failures with seed ${seed}. One of them again: ./strandline fuzz --seed ${seed} --case <part>/<number>`,
  )
  return lines.join('\n')
}
