/** What the doctor looks at. */
import type { KafkaConfig, LoopConfig, RegistryConfig, SupabaseConfig } from '../core/config.ts'
import type { Finding } from './finding.ts'

/** What is not known is undefined, and a finding says so. */
export interface Targets {
  /** For a person: `Stack: …`, without secrets. */
  name: string
  databaseUrl?: string
  supabase?: SupabaseConfig
  kafka?: KafkaConfig
  registry?: RegistryConfig
  config: LoopConfig
  /** Base URLs of the services of a running stack. */
  services: Record<string, string>
  /** What they are sent along: the token, where the stack has one. */
  headers: Record<string, string>
  findings: Finding[]
}
