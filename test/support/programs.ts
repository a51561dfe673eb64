/** Programs of the machine that some tests need; those skip themselves without, and ./strandline test says so. */
import { spawnSync } from 'node:child_process'

const isInstalled = (program: string) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined

export const hasPsql = isInstalled('psql')
export const hasPgbouncer = isInstalled('pgbouncer')
