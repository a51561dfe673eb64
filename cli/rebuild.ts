/** `strandline rebuild`: the whole log folded into a new model version, beside what readers see. */
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { shortHash } from '../core/runner/consumer-names.ts'
import { modelToRebuild } from '../services/learner/model-to-rebuild.ts'
import { type Rebuilt, rebuild } from '../services/learner/rebuild.ts'
import { say } from './output.ts'
import { createProgressBar, duration } from './progress-bar.ts'
import { label } from './promote-text.ts'
import { openStack } from './shared.ts'

interface Options {
  model?: string
  json?: boolean
  dataDir?: string
}

export function register(program: Command): void {
  program
    .command('rebuild')
    .description(
      'Fold the whole log into a new model version beside what readers see, which goes on. Nothing changes for them until `promote`. Ctrl-C, or a crash: said again, it goes on where it stood.',
    )
    .argument(
      '[model]',
      'a model by name, the path of a model file, or a version; default: what readers see, once more',
    )
    .option('--model <model>', 'the same, as an option')
    .option(
      '--json',
      'print one JSON object: {"name", "hash", "build", "topic", "begun", "active", "complete", "sums_of", "records", "seconds"}; begun: it went on with one that was there; complete: false after Ctrl-C; records: that it folded here; sums_of: null, or the version that had the same sums, so that nothing need be folded',
    )
    .option('--data-dir <dir>', 'folder of the stack (default: .strandline)')
    .addHelpText(
      'after',
      `
A build has a consumer group of its own, named with the hash of the model, and .r2 for the second of the same definition: Redpanda
Console shows its lag. Once it has caught up, learners that run keep it up to date. A model that is new here, and whose sums another version
has (same levers, outcome and decay, another rule), reads those: nothing is folded.

Examples:
  ./strandline rebuild                          # the same model, folded again: bars were corrected, or the state is suspected
  ./strandline rebuild lowcap-v5                # another rule over the same sums
  ./strandline rebuild my-model.json            # another definition
`,
    )
    .action(async (argument: string | undefined, { model: option, json, dataDir }: Options) => {
      if (argument !== undefined && option !== undefined)
        throw new StrandlineError('USAGE', 'The model is given twice.', { todo: 'Give it once.' })
      const stack = await openStack({ dataDir, needs: ['database', 'kafka', 'registry'] })
      const asked = new AbortController()
      const stop = () => asked.abort()
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
      const bar = createProgressBar('folding', 'records')
      try {
        const model = await modelToRebuild(stack.store, argument ?? option, {
          configured: stack.loop.model,
          files: true,
        })
        const began = stack.clock.now()
        let records = 0
        const done = await rebuild(stack, model, {
          opened: (version, begun) =>
            say(`${begun ? 'Going on with' : 'Folding the log into'} ${label(version)}; readers see no change.`),
          progress(applied, total) {
            records = applied
            bar(applied, total)
          },
          waiting: say,
          signal: asked.signal,
        })
        bar.end()
        const seconds = (stack.clock.now() - began) / 1_000
        const folder = dataDir === undefined ? '' : ` --data-dir ${dataDir}`
        console.log(json ? JSON.stringify({ ...done, records, seconds }) : rebuiltText(done, records, seconds, folder))
        if (!done.complete) process.exitCode = 130
      } finally {
        bar.end()
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop)
        await stack.close()
      }
    })
}

function rebuiltText(done: Rebuilt, records: number, seconds: number, folder: string): string {
  const version = `${label(done)}`
  if (!done.complete && done.sums_of)
    return `${version} reads the sums of ${label(done.sums_of)}, which stand at ${records} records. A learner goes on with them: ./strandline up, or ./strandline learner.`
  if (!done.complete)
    return `${version} stands at ${records} records. Go on with it: ./strandline rebuild${folder}. Or away with it: ./strandline drop ${shortHash(done)}${folder}`
  const lines = [
    done.sums_of && records === 0
      ? `${version} reads the sums of ${label(done.sums_of)}, which are the same: nothing was folded.`
      : `${version} has applied the whole log: ${records} records, in ${duration(seconds)}.`,
  ]
  if (done.active) lines.push('Readers see it: there was nothing else.')
  else
    lines.push(
      `Look at it:          ./strandline coefficients --model ${shortHash(done)}${folder}`,
      `What would change:   ./strandline promote ${shortHash(done)} --dry-run${folder}`,
      `Switch readers:      ./strandline promote ${shortHash(done)}${folder}`,
    )
  return lines.join('\n')
}
