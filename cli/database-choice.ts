/** Which database a command works on directly, as a PostgreSQL role and not through the API. */
import { requirePostgresUrl } from '../core/config.ts'
import { StrandlineError } from '../core/errors.ts'
import { dataDirPath } from '../core/stack/layout.ts'
import { findStack } from '../core/stack/stack-file.ts'
import { withoutSecrets } from './stack-choice.ts'

export interface ChosenDatabase {
  url: string
  /** For a person, without secrets. */
  name: string
}

/** undefined: none is named, and no stack runs. Errors: USAGE where two that are named contradict, CONFIG_INVALID. */
export function chooseDatabase(
  databaseUrl: string | undefined,
  dataDir: string | undefined,
): ChosenDatabase | undefined {
  const folder = dataDirPath(dataDir)
  const running = findStack(folder)
  const given = process.env.DATABASE_URL?.trim() || undefined
  const [source, named] = databaseUrl !== undefined ? ['--database-url', databaseUrl] : ['DATABASE_URL', given]
  if (dataDir !== undefined && named && named !== running?.env.DATABASE_URL)
    throw new StrandlineError(
      'USAGE',
      `--data-dir names the stack in ${folder}${running ? '' : ', which does not run'}, and ${source} names ${withoutSecrets(named)}.`,
      { todo: `Drop --data-dir, or ${source === 'DATABASE_URL' ? 'unset DATABASE_URL' : 'drop --database-url'}.` },
    )
  const url = named ?? running?.env.DATABASE_URL
  if (!url) return undefined
  requirePostgresUrl(url, source)
  return { url, name: `Stack: the database ${withoutSecrets(url)}` }
}

/** Errors: as chooseDatabase(), and CONFIG_INVALID where there is none. */
export function requireDatabase(databaseUrl: string | undefined, dataDir: string | undefined): ChosenDatabase {
  const chosen = chooseDatabase(databaseUrl, dataDir)
  if (chosen) return chosen
  throw new StrandlineError('CONFIG_INVALID', 'It is not known which database is meant.', {
    todo: 'Give --database-url, set DATABASE_URL, or start the stack (./strandline up).',
  })
}
