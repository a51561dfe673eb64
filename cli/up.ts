/** `strandline up`: the whole loop on one machine, until it is told to stop. */
import { once } from 'node:events'
import type { Command } from 'commander'
import { logLevel } from '../core/config.ts'
import { createLogger } from '../core/logger.ts'
import type { Need } from '../core/stack/layout.ts'
import {
  DEFAULT_BASE_PORT,
  DEFAULT_DATA_DIR,
  dataDirPath,
  SERVICES,
  stackPorts,
  VIEWERS,
} from '../core/stack/layout.ts'
import { freqtradeEnvironment, readFreqtradeSettings } from './freqtrade-settings.ts'
import { say } from './output.ts'
import { basePort } from './shared.ts'
import { environmentEngines, requireSupabaseOfDatabase } from './stack-choice.ts'

interface Options {
  dataDir: string
  basePort: number
  model?: string
  operate?: boolean
  freqtradeUrl?: string
  freqtradeUsername?: string
  freqtradePasswordFile?: string
  freqtradeWsTokenFile?: string
  freqtradeBot?: string
  json?: boolean
}

export function register(program: Command): void {
  program
    .command('up')
    .description(
      'Start Kafka, schema registry, PostgreSQL and Supabase, then PM, learner, projector, decision service and the page; Ctrl-C stops all of it.',
    )
    .option('--data-dir <dir>', 'where everything is kept', DEFAULT_DATA_DIR)
    .option(
      '--base-port <port>',
      'all ports are counted from it: services +1 to +6, engines +10 to +14',
      basePort,
      DEFAULT_BASE_PORT,
    )
    .option('--model <name>', 'learning model, e.g. lowcap-v4 or freqtrade (default: STRANDLINE_MODEL, else lowcap-v4)')
    .option('--operate', 'the page may change things; needs STRANDLINE_TOKEN (./strandline page --help)')
    .option(
      '--freqtrade-url <url>',
      'also learn from this running Freqtrade (default: FREQTRADE_URL); as ./strandline connect freqtrade',
    )
    .option('--freqtrade-username <name>', 'of its api_server (default: FREQTRADE_USERNAME)')
    .option('--freqtrade-password-file <file>', 'file that holds its password (default: FREQTRADE_PASSWORD_FILE)')
    .option(
      '--freqtrade-ws-token-file <file>',
      'file that holds its ws_token; not needed (default: FREQTRADE_WS_TOKEN_FILE)',
    )
    .option('--freqtrade-bot <name>', 'what the bot is called in the log (default: FREQTRADE_BOT, else its bot_name)')
    .option('--json', 'once all is up print one JSON object: {"pid", "env", "services", "pids"}')
    .addHelpText(
      'after',
      `
Examples:
  ./strandline up
  ./strandline up --data-dir /srv/strandline --base-port 7400 --model freqtrade
  ./strandline up --model freqtrade-return --freqtrade-url http://127.0.0.1:8080 --freqtrade-username me --freqtrade-password-file password.txt

KAFKA_BROKERS, SCHEMA_REGISTRY_URL and SUPABASE_URL (with SUPABASE_SERVICE_ROLE_KEY) name real engines; those are then not started.
DATABASE_URL is used beside SUPABASE_URL only; alone it is not looked at, and beside KAFKA_BROKERS, SCHEMA_REGISTRY_URL or STRANDLINE_STORE=direct up refuses it.
`,
    )
    .action(run)
}

const NEEDS: Need[] = ['database', 'kafka', 'registry']

async function run({ dataDir, basePort, model, operate, json, ...options }: Options): Promise<void> {
  const freqtrade = readFreqtradeSettings(
    {
      url: options.freqtradeUrl,
      username: options.freqtradeUsername,
      passwordFile: options.freqtradePasswordFile,
      wsTokenFile: options.freqtradeWsTokenFile,
      bot: options.freqtradeBot,
    },
    process.env,
    '--freqtrade-',
  )
  requireSupabaseOfDatabase(process.env)
  const { startStack } = await import('../embedded/stack.ts')
  const logger = createLogger({ name: 'up', level: logLevel('warn') })
  const folder = dataDirPath(dataDir)
  const given = environmentEngines(NEEDS, process.env)
  say(given === null ? `Stack: ${folder}` : `Stack: ${folder}, with ${given}`)
  const asked = new AbortController()
  let signals = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      signals++
      if (signals === 1) asked.abort()
      else if (signals === 2) say('Still stopping; once more ends it at once, and the next start cleans up.')
      else process.exit(1)
    })

  const starting = startStack({
    dataDir: folder,
    ports: stackPorts(basePort),
    needs: NEEDS,
    operate,
    services: [...SERVICES, ...VIEWERS, ...(freqtrade ? (['freqtrade'] as const) : [])],
    env: process.env,
    serviceEnv: freqtrade ? { freqtrade: freqtradeEnvironment(freqtrade) } : undefined,
    model,
    purpose: './strandline up',
    logger,
    say,
    signal: asked.signal,
  })
  const stack = await starting.catch((error) => {
    if (!asked.signal.aborted) throw error
    say('Stopped before it was up.')
    process.exit(130)
  })
  if (json) console.log(JSON.stringify({ pid: stack.pid, env: stack.env, services: stack.services, pids: stack.pids }))
  else say(summary(folder, stack.env))
  if (!asked.signal.aborted) await once(asked.signal, 'abort')
  say('Stopping ...')
  await stack.stop()
  say('Stopped. The data stays in the folder; the next start goes on with it.')
  process.exit(0)
}

/** Without keys and passwords: a terminal is copied, recorded and looked at. */
export function summary(folder: string, env: Record<string, string>): string {
  const here = folder === dataDirPath(undefined) ? '' : ` --data-dir '${folder}'`
  return `
All of it is up. Data and logs are in ${folder}; Ctrl-C stops it.
${env.STRANDLINE_PAGE_URL ? `\nLook at it:  ${env.STRANDLINE_PAGE_URL}\n` : ''}
A client, or another ./strandline, is pointed at it with
  eval "$(./strandline env${here})"
${env.DATABASE_URL ? `\nLook into the database, after that:  psql "$DATABASE_URL"` : ''}
`
}
