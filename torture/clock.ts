/** A clock of its own for one process: Debian's libfaketime, which reads how far ahead it is from a file, so that it can jump while the process runs. */
import { existsSync, readdirSync } from 'node:fs'

const FOLDER = '/usr/lib'
const LIBRARY = 'faketime/libfaketimeMT.so.1'

/** Where the library lies; nothing where it is not installed. */
export function findFaketime(): string | undefined {
  if (process.platform !== 'linux') return undefined
  return readdirSync(FOLDER)
    .map((architecture) => `${FOLDER}/${architecture}/${LIBRARY}`)
    .find((path) => existsSync(path))
}

/** What a process is started with; timers go on as they are. */
export const clockEnvironment = (library: string, file: string): Record<string, string> => ({
  LD_PRELOAD: library,
  FAKETIME_TIMESTAMP_FILE: file,
  FAKETIME_CACHE_DURATION: '1',
  DONT_FAKE_MONOTONIC: '1',
  NO_FAKE_STAT: '1',
})

/** The file's content. */
export const aheadBy = (seconds: number): string => `+${seconds}\n`
