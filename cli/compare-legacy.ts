/** `strandline compare-legacy`: what is learned beside the table of the old system, before its readers are switched. */
import type { Command } from 'commander'
import type { Comparison } from '../moving/compare.ts'
import { comparisonText } from './compare-legacy-text.ts'
import { chooseDatabase } from './database-choice.ts'
import { wholeNumber } from './numbers.ts'
import { say } from './output.ts'
import { openStack } from './shared.ts'

interface Options {
  databaseUrl?: string
  dataDir?: string
  limit?: number
  json?: boolean
}

/** Rows that a person reads at once. */
const SCREEN = 60

export function register(program: Command): void {
  program
    .command('compare-legacy')
    .description(
      'Print what is learned beside the learning_coefficients that the old system left, row by row, with why they differ. Changes nothing.',
    )
    .option(
      '--database-url <url>',
      'postgres:// URL of the database (default: DATABASE_URL, else SUPABASE_URL, else the running stack)',
    )
    .option('--data-dir <dir>', 'the running stack (default: .strandline)')
    .option('--limit <n>', `print at most so many rows; 0: all (default: ${SCREEN}, with --json all)`, wholeNumber)
    .option('--json', 'print one JSON object: {"table", "model", "baseline", "rows", "summary"}')
    .addHelpText('after', '\nExample:\n  ./strandline compare-legacy --limit 0\n')
    .action(async ({ databaseUrl, dataDir, json, limit = json ? 0 : SCREEN }: Options) => {
      const comparison = await compare(databaseUrl, dataDir)
      if (limit > 0 && json) comparison.rows.splice(limit)
      console.log(json ? JSON.stringify(comparison) : comparisonText(comparison, limit))
    })
}

/** Over the connection that is named, else over the API: a hosted project may give no other. */
async function compare(databaseUrl: string | undefined, dataDir: string | undefined): Promise<Comparison> {
  const { compareDatabase, compareLegacy } = await import('../moving/compare.ts')
  const { createLegacyStore } = await import('../moving/legacy-store.ts')
  const chosen = chooseDatabase(databaseUrl, dataDir)
  if (chosen && (databaseUrl !== undefined || process.env.DATABASE_URL?.trim() || !process.env.SUPABASE_URL?.trim())) {
    say(chosen.name)
    return compareDatabase(chosen.url)
  }
  const stack = await openStack({ dataDir })
  try {
    return await compareLegacy(createLegacyStore(stack.store))
  } finally {
    await stack.close()
  }
}
