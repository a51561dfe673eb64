/** What the doctor looks at. */
import type { Config } from '../core/config.ts'
import type { Finding } from './finding.ts'

/** What is not known is undefined, and a finding says so. */
export interface Targets {
  /** For a person: `Stack: …`, without secrets. */
  name: string
  databaseUrl?: string
  supabase?: Config['supabase']
  kafka?: Config['kafka']
  registry?: Config['registry']
  /** Topics, partitions and what is accepted; its engines stand for nothing where they are not named. */
  config: Config
  /** Base URLs of the services of a running stack. */
  services: Record<string, string>
  findings: Finding[]
}
