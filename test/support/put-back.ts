/** Files of a worker share its process (vitest.config.ts): what a test that failed has not put back does not reach the next file. */
import { afterAll, vi } from 'vitest'

afterAll(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
})
