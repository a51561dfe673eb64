/** An entry context that a person gives: as an option, or as a file. */
import { readFileSync } from 'node:fs'
import { StrandlineError } from '../core/errors.ts'
import { unreadable } from '../core/unreadable.ts'

/** Errors: USAGE, FILE_UNREADABLE, FILE_INVALID. That it is a flat object is checked where it is used. */
export function contextOf({
  context,
  contextFile,
}: {
  context?: string
  contextFile?: string
}): Record<string, unknown> {
  if ((context === undefined) === (contextFile === undefined))
    throw new StrandlineError('USAGE', 'The entry context is missing, or given twice.', {
      todo: 'Give either --context or --context-file.',
    })
  const [text, where] =
    context !== undefined ? [context, '--context'] : [read(contextFile as string), contextFile as string]
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch (cause) {
    throw new StrandlineError(
      context !== undefined ? 'USAGE' : 'FILE_INVALID',
      `${where} is not JSON: ${(cause as Error).message}.`,
      {
        todo: `Give one flat object, e.g. {"curator": "0xdetweiler", "chain": "base"}.`,
        cause,
      },
    )
  }
}

function read(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (cause) {
    throw unreadable(file, cause, 'Give the path of a file with the entry context as JSON.')
  }
}
