/** `strandline registry`: the schema registry alone, for a cluster that has none. */
import type { Command } from 'commander'
import { logLevel, readKafkaConfig } from '../core/config.ts'
import { stopOnSignals } from '../core/host.ts'
import { createLogger } from '../core/logger.ts'
import { DEFAULT_BASE_PORT, stackPorts } from '../core/stack/layout.ts'
import { port, TOKEN_FILE_HELP, useTokenFile } from './shared.ts'
import { environmentName } from './stack-choice.ts'

export function register(program: Command): void {
  const fallback = stackPorts(DEFAULT_BASE_PORT).registry
  program
    .command('registry')
    .description(
      'Run the schema registry alone, in front of the cluster that KAFKA_BROKERS names. It keeps its schemas in the topic _schemas.',
    )
    .option('--port <port>', `HTTP port (default: STRANDLINE_HTTP_PORT, else ${fallback})`, port)
    .option('--token-file <file>', TOKEN_FILE_HELP)
    .addHelpText('after', '\nExample:\n  KAFKA_BROKERS=127.0.0.1:19092 ./strandline registry --port 18081\n')
    .action(async (options: { port?: number; tokenFile?: string }) => {
      useTokenFile(options.tokenFile)
      const { brokers, ...security } = readKafkaConfig(process.env)
      const logger = createLogger({ name: 'registry', level: logLevel() })
      logger.info(environmentName(['kafka'], process.env))
      const { startRegistry } = await import('../services/registry/index.ts')
      const registry = await startRegistry({
        brokers,
        security,
        port: options.port ?? (Number(process.env.STRANDLINE_HTTP_PORT?.trim()) || fallback),
        host: process.env.STRANDLINE_HTTP_HOST?.trim() || '127.0.0.1',
        portFlag: '--port',
        logger,
      })
      stopOnSignals(() => registry.stop(), logger)
      logger.info({ url: registry.url }, `the schema registry listens on ${registry.url}`)
    })
}
