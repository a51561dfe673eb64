/**
 * How our programs are started; the same in the script `strandline` and in the Dockerfile.
 *
 * kafkajs asks for negative timeouts, which Node corrects and warns about; type stripping calls itself experimental. V8 lets its
 * young generation grow, and what it once had stays with the process: a hundred MiB of the learner (bench/README.md).
 */
export const NODE_FLAGS = [
  '--disable-warning=ExperimentalWarning',
  '--disable-warning=TimeoutNegativeWarning',
  '--max-semi-space-size=8',
]
