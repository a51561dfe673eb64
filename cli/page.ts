/** `strandline page`: what the loop does and what it has learned, in a browser. */
import type { Command } from 'commander'
import { say } from './output.ts'
import { fallbackPort, runService, type ServiceOptions, serviceOptions } from './run-service.ts'
import { useTokenFile } from './shared.ts'

interface Options extends ServiceOptions {
  operate?: boolean
}

export function register(program: Command): void {
  serviceOptions(
    program
      .command('page')
      .description(
        'Serve the page: the way of a trade, what is learned, sizing, verdict, dead letters, model versions. It only reads, unless --operate is given.',
      ),
    fallbackPort('page'),
  )
    .option(
      '--operate',
      'the page may also redrive, discard, rebuild, promote, roll back and drop; needs a token (--token-file, or STRANDLINE_TOKEN)',
    )
    .addHelpText(
      'after',
      `
./strandline up and demo serve it for their own stack; this one is for a stack that runs elsewhere. It listens on 127.0.0.1.

Examples:
  ./strandline page
  KAFKA_BROKERS=… SCHEMA_REGISTRY_URL=… SUPABASE_URL=… SUPABASE_SERVICE_ROLE_KEY=… ./strandline page --port 7306 --operate --token-file token.txt
`,
    )
    .action(async ({ operate = false, ...options }: Options) => {
      useTokenFile(options.tokenFile)
      const { createPage, OPEN_PATHS, requireTokenToOperate } = await import('../page/index.ts')
      requireTokenToOperate({ operate }, process.env)
      const listens = options.childOf ? undefined : (url: string) => say(`The page: ${url}/`)
      await runService('page', options, async () => createPage({ operate }), { open: OPEN_PATHS, listens })
    })
}
