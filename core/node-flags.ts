/**
 * How our programs are started; the same in the script `strandline` and in the Dockerfile.
 *
 * Type stripping calls itself experimental. V8 lets its young generation grow, and what it once had stays with the process: a hundred MiB of the learner (bench/README.md).
 */
export const NODE_FLAGS = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=8']
