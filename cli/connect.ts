/** `strandline connect`: closed trades of a running bot of somebody else, as they close. */
import type { Command } from 'commander'
import { StrandlineError } from '../core/errors.ts'
import { type FreqtradeSettings, readFreqtradeSettings } from './freqtrade-settings.ts'
import { runService, type ServiceOptions, serviceOptions } from './run-service.ts'

export function register(program: Command): void {
  const command = program
    .command('connect')
    .description('Learn from a bot that runs elsewhere: each trade that it closes, once, until Ctrl-C.')
    .addHelpText(
      'after',
      '\nExample:\n  ./strandline connect freqtrade --url http://127.0.0.1:8080 --username me --password-file password.txt\n',
    )
  const freqtrade = command
    .command('freqtrade')
    .description(
      'Take each closed trade of a running Freqtrade, by its REST API; its websocket says when to look. What closed while either side was away is found.',
    )
    .option('--url <url>', 'URL of its api_server, e.g. http://127.0.0.1:8080 (default: FREQTRADE_URL)')
    .option('--username <name>', 'of its api_server (default: FREQTRADE_USERNAME)')
    .option(
      '--password-file <file>',
      'file that holds the password, and nothing else (default: FREQTRADE_PASSWORD_FILE)',
    )
    .option(
      '--ws-token-file <file>',
      'file that holds its ws_token; not needed: the login gives one (default: FREQTRADE_WS_TOKEN_FILE)',
    )
    .option(
      '--bot <name>',
      'what the bot is called in the log, a part of each trade’s identity (default: FREQTRADE_BOT, else its own bot_name)',
    )
  serviceOptions(freqtrade, 0)
    .addHelpText(
      'after',
      `
Example:
  ./strandline connect freqtrade --url http://127.0.0.1:8080 --username me --password-file password.txt

Two bots need two names (bot_name, or --bot). A bot that gets another name is another bot: all its trades count again; --bot keeps the old one.
`,
    )
    .action(async (options: ServiceOptions & FreqtradeSettings) => {
      const address = readFreqtradeSettings(options, process.env)
      if (!address)
        throw new StrandlineError('USAGE', 'It is not said where the Freqtrade is.', {
          todo: 'Give --url, e.g. --url http://127.0.0.1:8080, with --username and --password-file.',
        })
      await runService('freqtrade', options, async () => {
        const { startFreqtrade } = await import('../services/freqtrade/index.ts')
        const { serviceRelay } = await import('../services/pm/index.ts')
        const { createForeignOutbox } = await import('../services/pm/sources/import-events.ts')
        return async (deps) => {
          const relay = serviceRelay(deps)
          const service = await startFreqtrade(
            deps,
            { ...address, unpublished: relay.failure },
            createForeignOutbox(deps),
          )
          return {
            ...service,
            async stop() {
              await service.stop()
              await relay.stop()
            },
          }
        }
      })
    })
}
