/** Whether the API and the database URL lead to one database: otherwise trades would go where nobody looks for them. */
import type { SupabaseConfig } from '../../core/config.ts'
import { findStrandlineError } from '../../core/errors.ts'
import { compareWays } from '../../core/store/open-store.ts'
import { error, type Finding, warning } from '../finding.ts'

export async function inspectWays(databaseUrl: string, supabase: SupabaseConfig): Promise<Finding[]> {
  try {
    const doubt = await compareWays({ store: 'direct', databaseUrl, supabase })
    return doubt === null ? [] : [warning('settings', doubt)]
  } catch (cause) {
    const known = findStrandlineError(cause)
    if (known?.code !== 'CONFIG_INVALID') throw cause
    return [error('settings', known.message, known.todo ?? null)]
  }
}
