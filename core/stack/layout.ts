/** Where everything of a stack is: its ports, counted from one base, and its folder. */
import { resolve } from 'node:path'

export const DEFAULT_BASE_PORT = 7300
export const DEFAULT_DATA_DIR = '.strandline'
/** Invented trades have a folder of their own. */
export const DEMO_DATA_DIR = '.strandline-demo'

export const SERVICES = ['pm', 'learner', 'projector', 'decision'] as const
/** What people look at it with. */
export const VIEWERS = ['page'] as const
/** Bots of others that are listened to, where somebody says where they are. */
export const CONNECTORS = ['freqtrade'] as const
export type ServiceName = (typeof SERVICES)[number] | (typeof CONNECTORS)[number] | (typeof VIEWERS)[number]

export interface StackPorts {
  pm: number
  learner: number
  projector: number
  decision: number
  freqtrade: number
  page: number
  kafka: number
  kafkaController: number
  registry: number
  supabase: number
  postgres: number
}

export function stackPorts(base: number): StackPorts {
  return {
    pm: base + 1,
    learner: base + 2,
    projector: base + 3,
    decision: base + 4,
    freqtrade: base + 5,
    page: base + 6,
    kafka: base + 10,
    kafkaController: base + 11,
    registry: base + 12,
    supabase: base + 13,
    postgres: base + 14,
  }
}

export function dataDirPath(dataDir: string | undefined): string {
  return resolve(dataDir ?? DEFAULT_DATA_DIR)
}

/** An engine that a command works with. */
export type Need = 'database' | 'kafka' | 'registry'
