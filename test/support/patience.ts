/**
 * How long tests wait for what never comes; the one such number. It is a bound, no measure: what a test waits for is there in seconds, and in minutes where
 * the machine does much else (STRANDLINE_PATIENCE_MS: where it is known that it will not come). A test has a time limit of its own only where a time limit is what it is about.
 */
export const PATIENCE_MS = Number(process.env.STRANDLINE_PATIENCE_MS) || 600_000

/** For vi.waitFor, which takes no default from vitest.config.ts. */
export const PATIENT = { timeout: PATIENCE_MS, interval: 100 }

/** What an endpoint of tests waits for PostgreSQL: whoever asks it does not ask again, as our services do. */
export const STATEMENT_MS = 120_000

/** Of a vitest project. A test's own limit is the longer one: what did not come is then told by name. */
export const TIME_LIMITS = {
  testTimeout: 2 * PATIENCE_MS,
  hookTimeout: 2 * PATIENCE_MS,
  expect: { poll: { timeout: PATIENCE_MS } },
}
