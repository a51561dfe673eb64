/** How a command gets at the history of the log. */
import { logLevel } from '../core/config.ts'
import { createLogger } from '../core/logger.ts'
import { type OpenHistory, openHistory } from '../replay/open-history.ts'
import { createProgress } from './progress.ts'
import { type OpenStack, openStack } from './shared.ts'

export { answering } from '../replay/open-history.ts'

/** What goes wrong is told in a sentence by the command; warnings of clients would be lines of JSON beside it. */
export const openLog = (dataDir?: string): Promise<OpenStack> =>
  openStack({
    dataDir,
    needs: ['database', 'kafka', 'registry'],
    logger: createLogger({ level: logLevel('error') }),
  })

/** Hands the history to `use`, and lets go of everything after. */
export async function withHistory<T>(
  { dataDir, model }: { dataDir?: string; model?: string },
  use: (opened: OpenHistory, stack: OpenStack) => Promise<T> | T,
): Promise<T> {
  const stack = await openLog(dataDir)
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
