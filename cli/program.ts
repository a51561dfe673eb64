/** The commands, their help, and what is said about wrong usage. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { GROUPS } from './commands.ts'

const { version, description } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

const EXAMPLES = `
Examples:
  ./strandline up                                the whole loop on this machine: engines and services
  ./strandline up --data-dir two --base-port 7400   a second one beside it
  ./strandline coefficients --min-n 5            what has been learned
  ./strandline allocate --context '{"chain": "base"}' --timeframe 1h
  ./strandline <command> --help                  everything about one command

Environment, where real engines take the place of the embedded ones:
  KAFKA_BROKERS          host:port of a Kafka or Redpanda cluster, several separated by commas
  SCHEMA_REGISTRY_URL    a Confluent-compatible schema registry
  SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY   a Supabase project
  DATABASE_URL           its PostgreSQL: services write to it directly, and migrate, doctor, switch and undo work on it
  LOG_LEVEL              trace, debug, info, warn, error or silent
`

/** With the command that is named first (and those of its module), or with all: for the help, and where there is none of that name. */
export async function createProgram(args: string[] = []): Promise<Command> {
  const program = new Command('strandline')
    .description(description)
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain the command')
    .helpCommand('help [command]', 'explain a command')
    .addHelpText('after', EXAMPLES)
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp({ helpWidth: Math.min(process.stdout.columns ?? 110, 130), showGlobalOptions: false })
    // Commander's sentence alone, with what to do next.
    .configureOutput({
      outputError: (text, write) => write(`${usageSentence(text)} See ./strandline --help.\n`),
    })
  const named = GROUPS.flatMap(({ modules }) => modules).find(({ names }) => names.includes(args[0] ?? ''))
  for (const { title, modules } of GROUPS) {
    program.commandsGroup(title)
    for (const module of modules) if (!named || module === named) (await module.load()).register(program)
  }
  return program
}

/** Commander's message as a sentence. */
export function usageSentence(message: string): string {
  const sentence = message
    .trim()
    .replace(/^error: /, '')
    .replace(/\n+\((Did you mean .*\?)\)$/, '. $1')
    .replace(/\n+/g, ' ')
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}${/[.?)]$/.test(sentence) ? '' : '.'}`
}
