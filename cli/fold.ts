/** `strandline fold`: an exported log, folded offline: no broker, no database. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { loadModel, modelNames } from '../core/load-model.ts'
import { unreadable } from '../core/unreadable.ts'
import { splitEntryContext } from '../domain/event.ts'
import { isObject } from '../domain/is-object.ts'
import type { LeverSource, Model } from '../domain/learning/model.ts'
import { createOfflineFold, type FoldedLog, type OfflineFold, type WeighedLog } from '../domain/learning/offline.ts'
import { learnedOutcome } from '../domain/learning/outcome.ts'
import type { EvidenceOf } from '../domain/learning/weigher.ts'
import { parseOfflineLine } from '../domain/offline-log.ts'
import { type Product, product } from '../domain/sizing/allocation.ts'
import { coefficientKeys, factorKeys, learnedFactors } from '../domain/sizing/factors.ts'
import { factorLines } from './allocation-text.ts'
import { coefficientsText } from './coefficients-text.ts'
import { outcomeText } from './outcome-text.ts'
import { number } from './table.ts'

export function register(program: Command): void {
  program
    .command('fold')
    .description('Fold an exported log (one JSON object a line) offline, and print what it amounts to.')
    .argument('<events.jsonl>', "the log; '-' reads standard input")
    .option('--model <name>', `learning model: ${modelNames().join(', ')}, or the path of a model file`, 'lowcap-v4')
    .option(
      '--contexts <contexts.jsonl>',
      'size positions with what came of it: one {"timeframe", "entry_context"} a line',
    )
    .option(
      '--json',
      'print one JSON object: {"global_rr", "coefficients"}, with --contexts also "allocations": [{"factors", "multiplier_unclamped", "multiplier"}]',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  ./strandline fold events.jsonl --model lowcap-v4 --json\n  ./strandline fold events.jsonl --model lowcap-v5 --contexts contexts.jsonl\n',
    )
    .action(async (file: string, { model: name, contexts, json }: Options) => {
      const model = loadModel(name)
      const positions = contexts === undefined ? undefined : await readContexts(contexts)
      const fold = await foldFile(file, model, (line, why) => console.error(`Line ${line} is left out: ${why}.`))
      const folded = fold.result()
      const allocations = positions && sized(model, positions, fold.evidence())
      if (json) return console.log(JSON.stringify({ ...plain(folded), ...(allocations && { allocations }) }))
      const { definition } = model
      const { global_rr, coefficients: rows, spread } = folded
      console.log(coefficientsText(definition, { global_rr, rows, spread }))
      const outcome = outcomeText(learnedOutcome(definition))
      for (const [i, allocation] of allocations?.entries() ?? [])
        console.log(
          `\nposition ${i + 1}: × ${number(allocation.multiplier)}\n${factorLines(allocation, outcome).join('\n')}`,
        )
    })
}

/** What programs have always got. */
const plain = ({ global_rr, coefficients }: WeighedLog): FoldedLog => ({
  global_rr,
  coefficients: coefficients.map(({ module, scope, name, key, weight, rr_short, rr_long, n }) => ({
    module,
    scope,
    name,
    key,
    weight,
    rr_short,
    rr_long,
    n,
  })),
})

interface Options {
  model: string
  contexts?: string
  json?: boolean
}

function sized(model: Model, positions: LeverSource[], evidenceOf: EvidenceOf): Omit<Product, 'levers_damped'>[] {
  return positions.map((position) => {
    const keys = factorKeys(model, coefficientKeys(model, position))
    const { factors, multiplier_unclamped, multiplier } = product(
      keys,
      learnedFactors(model, keys, evidenceOf),
      model.definition,
    )
    return { factors, multiplier_unclamped, multiplier }
  })
}

/** Errors: FILE_UNREADABLE, FILE_INVALID, naming the line. */
async function readContexts(file: string): Promise<LeverSource[]> {
  const positions: LeverSource[] = []
  for await (const { text, line } of linesOf(file)) {
    const bad = (what: string) =>
      new StrandlineError('FILE_INVALID', `Line ${line} of ${file}: ${what}.`, {
        todo: 'Write one position a line, e.g. {"timeframe": "1h", "entry_context": {"curator": "0xdetweiler"}}.',
      })
    let position: unknown
    try {
      position = JSON.parse(text)
    } catch {
      throw bad('not JSON')
    }
    if (!isObject(position) || !isObject(position.entry_context)) throw bad('it has no entry_context')
    const timeframe = position.timeframe ?? ''
    if (typeof timeframe !== 'string') throw bad('its timeframe is not a text')
    positions.push({ ...splitEntryContext(position.entry_context), timeframe })
  }
  return positions
}

/** Folds a file line by line. `refused` hears of events that the learner would dead-letter. Errors: FILE_UNREADABLE, FILE_INVALID. */
async function foldFile(
  file: string,
  model: Model,
  refused: (line: number, why: string) => void,
): Promise<OfflineFold> {
  const fold = createOfflineFold(model)
  for await (const { text, line } of linesOf(file))
    for (const { rejection } of await fold.add([parseOfflineLine(text, line)]))
      refused(line, `${rejection.reason}: ${rejection.detail}`)
  return fold
}

/** Lines with anything in them, numbered from 1; '-': standard input. Errors: FILE_UNREADABLE. */
async function* linesOf(file: string): AsyncGenerator<{ text: string; line: number }> {
  const input = file === '-' ? process.stdin : createReadStream(file)
  let number = 0
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++
      const text = number === 1 ? line.replace(/^\uFEFF/, '') : line
      if (text.trim() !== '') yield { text, line: number }
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (error instanceof StrandlineError || code === undefined) throw error
    throw unreadable(file, error, 'Give the path of a file with one JSON object a line.')
  }
}
