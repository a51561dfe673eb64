/** A whole stack by `./strandline up`, in processes of its own, on free ports and in a folder of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findStack, type StackDescription } from '../../core/stack/stack-file.ts'
import { freeBasePort, type Outcome, runCommand, startCommand } from './strandline.ts'

export interface UpStack {
  dataDir: string
  env: Record<string, string>
  services: Record<string, string>
  /** As they are now: a part that was killed is started again. */
  pids(): Record<string, number>
  /** A command on this stack. */
  run(...args: string[]): Promise<Outcome>
  /** What `run` prints, as JSON. */
  json<T>(...args: string[]): Promise<T>
  /** One closed trade by POST /v1/trades; resolves to its event id. */
  close(trade: Record<string, unknown>): Promise<string>
  stop(): Promise<void>
}

export async function startUp({
  args = [],
  env = {},
}: {
  args?: string[]
  env?: Record<string, string>
} = {}): Promise<UpStack> {
  const dir = await mkdtemp(join(tmpdir(), 'strandline-up-'))
  const dataDir = join(dir, 'stack')
  const base = await freeBasePort()
  const up = startCommand(['up', '--data-dir', dataDir, '--base-port', String(base), '--json', ...args], { env })
  const stack = await new Promise<StackDescription>((resolve, reject) => {
    up.child.stdout?.on('data', () => {
      if (up.stdout().includes('\n')) resolve(JSON.parse(up.stdout()))
    })
    up.ended.then(({ code, stderr }) => reject(new Error(`up ended with ${code}: ${stderr}`)))
  })
  const run = (...command: string[]) => runCommand([...command, '--data-dir', dataDir], { env })
  const token: Record<string, string> = env.STRANDLINE_TOKEN ? { authorization: `Bearer ${env.STRANDLINE_TOKEN}` } : {}
  return {
    dataDir,
    env: stack.env,
    services: stack.services as Record<string, string>,
    pids: () => findStack(dataDir)?.pids ?? {},
    run,
    async json(...command) {
      const { stdout, stderr } = await run(...command, '--json')
      try {
        return JSON.parse(stdout)
      } catch {
        throw new Error(`${command.join(' ')}: ${stdout}${stderr}`)
      }
    },
    async close(trade) {
      const answer = await fetch(`${stack.services.pm}/v1/trades`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...token },
        body: JSON.stringify(trade),
      })
      const body = (await answer.json()) as { event_id: string }
      if (!answer.ok) throw new Error(JSON.stringify(body))
      return body.event_id
    },
    async stop() {
      up.child.kill('SIGINT')
      await up.ended
      await rm(dir, { recursive: true, force: true })
    },
  }
}
