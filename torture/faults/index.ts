/** Every fault. */
import { CLOCK_FAULTS } from './clocks.ts'
import { DISK_FAULTS } from './disks.ts'
import { ENGINE_FAULTS } from './engines.ts'
import type { Fault } from './fault.ts'
import { LOG_FAULTS } from './log.ts'
import { NETWORK_FAULTS } from './network.ts'
import { PROCESS_FAULTS } from './processes.ts'
import { STATE_FAULTS } from './state.ts'

export type { Fault } from './fault.ts'

export const FAULTS: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...ENGINE_FAULTS,
  ...NETWORK_FAULTS,
  ...LOG_FAULTS,
  ...STATE_FAULTS,
  ...CLOCK_FAULTS,
  ...DISK_FAULTS,
]
