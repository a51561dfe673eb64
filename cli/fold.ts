/** `strandline fold`: an exported log, folded offline: no broker, no database. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { loadModel, modelNames } from '../core/load-model.ts'
import { unreadable } from '../core/unreadable.ts'
import { createOfflineFold, type FoldedLog } from '../domain/learning/offline.ts'
import { parseOfflineLine } from '../domain/offline-log.ts'
import { coefficientsText } from './coefficients-text.ts'

export function register(program: Command): void {
  program
    .command('fold')
    .description('Fold an exported log (one JSON object a line) offline, and print what it amounts to.')
    .argument('<events.jsonl>', "the log; '-' reads standard input")
    .option('--model <name>', `learning model: ${modelNames().join(', ')}, or the path of a model file`, 'lowcap-v4')
    .option('--json', 'print one JSON object: {"global_rr", "coefficients"}')
    .addHelpText('after', '\nExample:\n  ./strandline fold events.jsonl --model lowcap-v4 --json\n')
    .action(async (file: string, options: { model: string; json?: boolean }) => {
      const folded = await foldFile(file, options.model, (line, why) =>
        console.error(`Line ${line} is left out: ${why}.`),
      )
      console.log(options.json ? JSON.stringify(folded) : coefficientsText(folded.global_rr, folded.coefficients))
    })
}

/** Folds a file line by line. `refused` hears of events that the learner would dead-letter. Errors: FILE_UNREADABLE, FILE_INVALID, MODEL_INVALID, USAGE. */
export async function foldFile(
  file: string,
  model: string,
  refused: (line: number, why: string) => void,
): Promise<FoldedLog> {
  const fold = createOfflineFold(loadModel(model))
  const input = file === '-' ? process.stdin : createReadStream(file)
  let number = 0
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++
      const text = number === 1 ? line.replace(/^\uFEFF/, '') : line
      if (text.trim() === '') continue
      for (const { rejection } of await fold.add([parseOfflineLine(text, number)]))
        refused(number, `${rejection.reason}: ${rejection.detail}`)
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (error instanceof StrandlineError || code === undefined) throw error
    throw unreadable(file, error, 'Give the path of a log with one JSON object a line.')
  }
  return fold.result()
}
