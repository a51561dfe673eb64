/** What the REST API answers with our key: whether our functions are there, and may be called. */
import { explain, findStrandlineError } from '../../core/errors.ts'
import type { StoredLag } from '../../core/lag/lag.ts'
import type { LagStore } from '../../core/lag/lag-store.ts'
import { error, type Finding, info, warning } from '../finding.ts'

export type ApiAnswer =
  | { state: 'ok'; lag: StoredLag }
  /** It does not know our functions. */
  | { state: 'unknown' }
  | { state: 'refused' | 'away' | 'failed'; reason: string }

export async function inspectApi(lag: LagStore, topic: string): Promise<ApiAnswer> {
  try {
    return { state: 'ok', lag: await lag.read(topic) }
  } catch (cause) {
    const known = findStrandlineError(cause)
    const reason = explain(cause)
    if (known?.code === 'STORE_SCHEMA') return { state: 'unknown' }
    if (known?.code === 'STORE_UNREACHABLE') return { state: 'away', reason }
    const { code, message = '' } = (known?.cause ?? {}) as { code?: string; message?: string }
    const denied = code === '42501' || /permission denied|refused our key/i.test(`${message} ${known?.message}`)
    return { state: denied ? 'refused' : 'failed', reason }
  }
}

/** @param migrated what the database itself says; null: it was not asked */
export function judgeApi(answer: ApiAnswer, migrated: boolean | null): Finding[] {
  switch (answer.state) {
    case 'ok':
      return [info('key', 'The API knows our functions, and our key may call them.')]
    case 'unknown':
      if (migrated)
        return [
          error(
            'key',
            'The API does not know our functions, and the database has them: it is in front of another database, or remembers an older schema.',
            `Compare SUPABASE_URL with the database URL; then run: notify pgrst, 'reload schema';`,
          ),
        ]
      return [
        warning(
          'migrations',
          'The API does not know our functions: the migrations are not applied.',
          'Paste what ./strandline migrate --dry-run prints into the SQL editor, or run ./strandline migrate, or supabase db push.',
        ),
      ]
    case 'refused':
      return [
        error(
          'key',
          `The API does not let our key call our functions: ${answer.reason}`,
          'Set SUPABASE_SERVICE_ROLE_KEY to the service role key (or a sb_secret_… key) of that project.',
        ),
      ]
    default:
      return [error('key', answer.reason)]
  }
}
