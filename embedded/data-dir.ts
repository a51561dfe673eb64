/** The folder of a stack: made where it is missing, and refused in one sentence where it cannot be used. */
import { constants } from 'node:fs'
import { access, realpath, stat } from 'node:fs/promises'
import { StrandlineError } from '../core/errors.ts'
import { makeFolder } from '../core/make-folder.ts'

interface Folder {
  /** What it is called. */
  what: string
  todo: string
  /** Something will be written into it. */
  written: boolean
}

const DATA: Folder = {
  what: 'data folder',
  todo: 'Choose another folder with --data-dir, or make this one usable.',
  written: true,
}

/** What a file system says no with, as the rest of a sentence. */
const REASONS: Record<string, string> = {
  EACCES: 'this user may not read or write it',
  EPERM: 'this user may not read or write it',
  EROFS: 'the file system is read-only',
  ENOSPC: 'there is no space left on the device',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'it is a file',
  ELOOP: 'its symbolic links lead nowhere',
  ENAMETOOLONG: 'the path is too long',
  ENOENT: 'it cannot be made there',
  EIO: 'the disk does not work',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
}

/** An error of the file system as one sentence; anything else as it is. */
export function folderError(error: unknown, folder: string, { what, todo } = DATA): unknown {
  const { code = '', path, syscall } = error as NodeJS.ErrnoException
  const reason = error instanceof StrandlineError || !syscall ? undefined : REASONS[code]
  if (!reason) return error
  const place = path?.startsWith(`${folder}/`) ? `${path} in the ${what} ${folder}` : `The ${what} ${folder}`
  return new StrandlineError('FOLDER_UNUSABLE', `${place} cannot be used: ${reason}.`, { todo, cause: error })
}

/**
 * Makes it, with what is missing above it, and resolves to its real path.
 * Errors: FOLDER_UNUSABLE.
 */
export async function openFolder(folder: string, kind = DATA): Promise<string> {
  try {
    await makeFolder(folder)
    if (!(await stat(folder)).isDirectory()) throw Object.assign(new Error(), { code: 'EEXIST', syscall: 'mkdir' })
    await access(folder, constants.R_OK | constants.X_OK | (kind.written ? constants.W_OK : 0))
    return await realpath(folder)
  } catch (error) {
    throw folderError(error, folder, kind)
  }
}
