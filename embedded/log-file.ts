/** Log files of the engines. A file, not a pipe: the engine outlives a killed parent without dying of a broken pipe. */
import { type FileHandle, mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

const ROTATE_AT_BYTES = 16 * 1024 * 1024

/** Opens a log file for appending; the last one is kept beside it as `.1` once it has grown. */
export async function openLogFile(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true })
  const size = await stat(path).then(
    (s) => s.size,
    () => 0,
  )
  if (size > ROTATE_AT_BYTES) await rename(path, `${path}.1`)
  return open(path, 'a')
}

/** The last lines of a log file that tell something, for an error message. */
export async function lastLines(path: string, count = 3, only?: RegExp): Promise<string> {
  const lines = (await readFile(path, 'utf8').catch(() => ''))
    .split('\n')
    .map((l) => l.trim())
    .filter(Boolean)
  const telling = only ? lines.filter((l) => only.test(l)) : lines
  return (telling.length > 0 ? telling : lines).slice(-count).join(' / ')
}

/** What a service said last since `from` (bytes): the message of its line, where it is one of our JSON lines. */
export async function lastWords(path: string, from = 0): Promise<string> {
  const bytes = await readFile(path).catch(() => Buffer.alloc(0))
  const line = bytes.subarray(from).toString().trim().split('\n').at(-1) || 'it said nothing.'
  try {
    return (JSON.parse(line) as { msg?: string }).msg ?? line
  } catch {
    return line
  }
}
