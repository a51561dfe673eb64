import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder, with what is missing above it. One level at a time: Node's own recursive mkdir never comes back where the file system has no answer but
 * ENOENT (/proc). Errors: those of mkdir.
 */
export async function makeFolder(folder: string): Promise<void> {
  await make(folder, true)
}

async function make(folder: string, again: boolean): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    const above = dirname(folder)
    if (code !== 'ENOENT' || !again || above === folder) throw error
    const absent = await stat(above).then(
      () => false,
      (e) => e.code === 'ENOENT',
    )
    if (absent) await make(above, true) // otherwise another process has made it since
    await make(folder, false)
  }
}
