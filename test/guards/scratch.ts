/** A copy of the tree in which guards are taken out; the work tree itself is never touched. */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StrandlineError } from '../../core/errors.ts'
import type { Guard, Replacement } from './guard.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface Scratch {
  dir: string
  /** Does its work in a tree without the guard, which is put back afterwards. Error: USAGE, where its text is not found any more. */
  without<T>(guard: Guard, work: () => Promise<T>): Promise<T>
  remove(): Promise<void>
}

export async function createScratch(): Promise<Scratch> {
  const dir = await mkdtemp(join(tmpdir(), 'strandline-guards-'))
  // at the top: no packages, no history, no data of what runs here
  const isWanted = (path: string) => !/^(node_modules$|\.)/.test(relative(ROOT, path).split(sep)[0] ?? '')
  await cp(ROOT, dir, { recursive: true, filter: (path) => path === ROOT || isWanted(path) })
  await symlink(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
  return {
    dir,
    async without(guard, work) {
      const before = new Map<string, string>()
      try {
        for (const { file, ...replacement } of guard.out) {
          const path = join(dir, file)
          const text = await readFile(path, 'utf8')
          if (!before.has(path)) before.set(path, text)
          await writeFile(path, replaced(text, { file, ...replacement }, guard.name))
        }
        return await work()
      } finally {
        for (const [path, text] of before) await writeFile(path, text)
      }
    },
    remove: () => rm(dir, { recursive: true, force: true, maxRetries: 5 }),
  }
}

/** Error: USAGE. */
export function replaced(text: string, { file, find, by }: Replacement, guard: string): string {
  const found = text.split(find).length - 1
  if (found !== 1)
    throw new StrandlineError(
      'USAGE',
      `The guard '${guard}' cannot be taken out of ${file}: the text that it is declared by is there ${found} times.`,
      { todo: `Mend its declaration in test/guards/declared: ${JSON.stringify(find.slice(0, 100))}` },
    )
  return text.replace(find, () => by)
}
