/** How the embedded PostgreSQL is tuned: durable, quick at many small commits and a few large ones, modest in memory. */
import { totalmem } from 'node:os'

const MB = 1024 * 1024

export function postgresSettings(memoryBytes = totalmem()): Record<string, string> {
  const memoryMb = memoryBytes / MB
  return {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '100',
    password_encryption: 'scram-sha-256',
    shared_buffers: `${Math.round(Math.min(512, Math.max(64, memoryMb / 16)))}MB`,
    effective_cache_size: `${Math.round(Math.max(256, memoryMb / 2))}MB`,
    work_mem: '16MB',
    maintenance_work_mem: '128MB',
    // A learner's commits update the same pages over and over: few checkpoints, so few full-page images. (Compressing them would be
    // pglz here, which costs more processor time than it saves disk.)
    max_wal_size: '4GB',
    min_wal_size: '256MB',
    checkpoint_timeout: '15min',
    random_page_cost: '1.1',
    // Our statements take milliseconds; compiling one takes longer.
    jit: 'off',
    autovacuum_naptime: '15s',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    log_checkpoints: 'off',
    log_line_prefix: '%m [%p] ',
    // The same limit that hosted Supabase sets for a request's role is set on the roles; this one guards forgotten transactions.
    idle_in_transaction_session_timeout: '60s',
  }
}
