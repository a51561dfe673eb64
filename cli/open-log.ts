/** How a command gets at the history of the log. */
import { type OpenHistory, openHistory } from '../replay/open-history.ts'
import { createProgress } from './progress.ts'
import { type OpenStack, openStack } from './shared.ts'

/** Hands the history to `use`, and lets go of everything after. */
export async function withHistory<T>(
  { dataDir, model }: { dataDir?: string; model?: string },
  use: (opened: OpenHistory, stack: OpenStack) => Promise<T> | T,
): Promise<T> {
  const stack = await openStack({ dataDir, needs: ['database', 'kafka', 'registry'] })
  try {
    const progress = createProgress()
    const { store, log, config } = stack
    const opened = await openHistory(
      { store, log, config, progress: (done, total) => progress('Reading the log', done, total) },
      model,
    )
    progress.end()
    return await use(opened, stack)
  } finally {
    await stack.close()
  }
}

/** Which model answered, for JSON. */
export const answering = ({ model, build, active }: OpenHistory) => ({
  name: model.definition.name,
  hash: model.hash,
  build,
  active,
})
