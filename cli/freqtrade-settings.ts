/** Where a Freqtrade is, from flags or the environment. */
import { readFileSync } from 'node:fs'
import { StrandlineError } from '../core/errors.ts'
import { unreadable } from '../core/unreadable.ts'
import { botUrl, type FreqtradeOptions } from '../services/freqtrade/index.ts'

/** As flags have them. */
export interface FreqtradeSettings {
  url?: string
  username?: string
  passwordFile?: string
  wsTokenFile?: string
  bot?: string
}

/** The names of the environment, by which `up` also tells its child. */
const NAMES: Record<keyof FreqtradeSettings, string> = {
  url: 'FREQTRADE_URL',
  username: 'FREQTRADE_USERNAME',
  passwordFile: 'FREQTRADE_PASSWORD_FILE',
  wsTokenFile: 'FREQTRADE_WS_TOKEN_FILE',
  bot: 'FREQTRADE_BOT',
}

type Env = Record<string, string | undefined>

/**
 * undefined: no bot is named.
 * @param prefix of the flags: `--` or, where several things have a URL, `--freqtrade-`
 * Errors: CONFIG_INVALID for half of it or a URL that is none, FILE_UNREADABLE for a password's.
 */
export function readFreqtradeSettings(flags: FreqtradeSettings, env: Env, prefix = '--'): FreqtradeOptions | undefined {
  const said = (name: keyof FreqtradeSettings) => flags[name] ?? (env[NAMES[name]]?.trim() || undefined)
  const url = said('url')
  if (url === undefined) return undefined
  const needed = (name: 'username' | 'passwordFile', flag: string) => {
    const value = said(name)
    if (value !== undefined) return value
    throw new StrandlineError('CONFIG_INVALID', `The Freqtrade is named, and ${prefix}${flag} is not given.`, {
      todo: `Give ${prefix}${flag}, or set ${NAMES[name]}: its api_server lets nobody in without.`,
    })
  }
  const options = {
    url: botUrl(url, flags.url === undefined ? NAMES.url : `${prefix}url`),
    username: needed('username', 'username'),
    passwordFile: needed('passwordFile', 'password-file'),
    wsTokenFile: said('wsTokenFile'),
    bot: said('bot'),
  }
  for (const file of [options.passwordFile, options.wsTokenFile]) if (file !== undefined) requireFile(file)
  return options
}

/** Later it may be away for a moment; now it is a mistake. */
function requireFile(file: string): void {
  try {
    readFileSync(file)
  } catch (cause) {
    throw unreadable(file, cause, 'Give the path of a file that holds nothing but the secret.')
  }
}

/** The same, for a child process. */
export function freqtradeEnvironment(options: FreqtradeOptions): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [name, variable] of Object.entries(NAMES)) {
    const value = options[name as keyof FreqtradeSettings]
    if (value !== undefined) found[variable] = value
  }
  return found
}
