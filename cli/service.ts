/** `strandline pm|learner|projector|decision`: one service in this process. */
import type { Command } from 'commander'
import type { StartService } from '../core/service.ts'
import type { SERVICES } from '../core/stack/layout.ts'
import { fallbackPort, runService, type ServiceOptions, serviceOptions } from './run-service.ts'

type Name = (typeof SERVICES)[number]

const STARTS: Record<
  Name,
  { load: (options: ServiceOptions) => Promise<StartService>; description: string; example: string }
> = {
  pm: {
    load: async () => (await import('../services/pm/index.ts')).startPm,
    description: 'Run the portfolio manager alone: it takes executions, closes positions and publishes what closed.',
    example:
      'KAFKA_BROKERS=127.0.0.1:19092 SCHEMA_REGISTRY_URL=http://127.0.0.1:18081 SUPABASE_URL=… SUPABASE_SERVICE_ROLE_KEY=… ./strandline pm',
  },
  learner: {
    load: async ({ model }) => {
      const { startLearners } = await import('../services/learner/learners.ts')
      return (deps) => startLearners(deps, { only: model !== undefined })
    },
    description:
      'Run a learner alone: it turns closed trades into coefficients, of every model version that there is. Several share the partitions.',
    example: './strandline learner --model lowcap-v4 --port 7402',
  },
  projector: {
    load: async () => (await import('../services/projector/index.ts')).startProjector,
    description: 'Run the projector alone: it writes closed trades into ad_strands.',
    example: './strandline projector --port 7403',
  },
  decision: {
    load: async () => {
      const { startDecision } = await import('../services/decision/index.ts')
      const { createPastSizing } = await import('../replay/past-sizing.ts')
      return (deps) => startDecision(deps, undefined, createPastSizing(deps))
    },
    description: 'Run the decision service alone: it sizes positions over HTTP.',
    example: './strandline decision --port 7404',
  },
}

export function register(program: Command): void {
  for (const [name, { load, description, example }] of Object.entries(STARTS) as [Name, (typeof STARTS)[Name]][]) {
    const command = serviceOptions(program.command(name).description(description), fallbackPort(name))
      .addHelpText('after', `\nExample:\n  ${example}\n`)
      .action((options: ServiceOptions) => runService(name, options, () => load(options)))
    if (name === 'learner')
      command.option(
        '--model <name>',
        'only versions of this model (default: all that there are, and one of STRANDLINE_MODEL, else lowcap-v4)',
      )
  }
}
