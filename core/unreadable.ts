import { StrandlineError } from './errors.ts'

const WHY: Record<string, string> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not read it',
}

/** FILE_UNREADABLE for a file that a person named, with the reason in words. */
export function unreadable(file: string, cause: unknown, todo: string): StrandlineError {
  const { code, message } = cause as NodeJS.ErrnoException
  const why = WHY[code ?? ''] ?? code ?? message
  return new StrandlineError('FILE_UNREADABLE', `${file} cannot be read: ${why}.`, { todo, cause })
}
