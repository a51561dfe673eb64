/** The generated secrets of a data folder: made once, readable by the owner only. */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { StrandlineError } from '../core/errors.ts'

export interface Secrets {
  postgresPassword: string
  /** Of the role that the HTTP endpoint connects as. */
  apiPassword: string
  /** sb_secret_…, the service role's key. */
  serviceRoleKey: string
}

export async function loadSecrets(dataDir: string): Promise<Secrets> {
  const path = join(dataDir, 'secrets.json')
  const text = await readFile(path, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text !== undefined) {
    try {
      return JSON.parse(text) as Secrets
    } catch (cause) {
      throw new StrandlineError('FILE_INVALID', `${path} is not JSON.`, {
        todo: 'Restore it, or use another --data-dir.',
        cause,
      })
    }
  }
  // Loaded only here: the package is large, and most starts find their secrets made.
  const { generateApiKey } = await import('@supabase/lite')
  const secrets: Secrets = {
    postgresPassword: randomBytes(18).toString('base64url'),
    apiPassword: randomBytes(18).toString('base64url'),
    serviceRoleKey: (await generateApiKey('secret')).key,
  }
  await mkdir(dataDir, { recursive: true })
  const draft = await open(`${path}.draft`, 'w', 0o600)
  await draft.writeFile(`${JSON.stringify(secrets, null, 2)}\n`)
  await draft.sync()
  await draft.close()
  await rename(`${path}.draft`, path)
  return secrets
}
