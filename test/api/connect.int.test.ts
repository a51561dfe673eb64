/** docs/connect.md, as it stands there: its commands are run in their order against the whole loop, and answer what the page says. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type Host, startHost } from '../../core/host.ts'
import { DEFAULT_BASE_PORT, stackPorts } from '../../core/stack/layout.ts'
import { type Loop, startLoop } from '../support/loop.ts'
import { PATIENCE_MS } from '../support/patience.ts'
import { logger } from '../support/pm.ts'

const PAGE = readFileSync(new URL('../../docs/connect.md', import.meta.url), 'utf8')
const TOKEN = 'a-token-of-this-test-only'

interface Block {
  kind: 'sh' | 'sh until' | 'sh example' | 'json'
  text: string
}

const BLOCKS = [...PAGE.matchAll(/^```(\S.*)\n([\s\S]*?)^```$/gm)].map(([, kind, text]) => ({ kind, text })) as Block[]

let loop: Loop
const hosts: Host[] = []
beforeAll(async () => {
  loop = await startLoop(undefined, { STRANDLINE_MODEL: 'freqtrade-return' })
})
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const host of hosts.splice(0)) await host.stop()
})
afterAll(() => loop?.stop())

/** Both services on ports, as `up` has them. Returns the variables of the page. */
async function listen(): Promise<Record<string, string>> {
  for (const service of [loop.services.pm, loop.services.decision])
    hosts.push(
      await startHost({ service: { ...service, stop: async () => {} }, port: 0, metrics: new Registry(), logger }),
    )
  return { PM: hosts[0]!.url, DECISION: hosts[1]!.url, STRANDLINE_TOKEN: TOKEN }
}

async function run(commands: string, env: Record<string, string>): Promise<unknown> {
  const { stdout } = await promisify(execFile)('sh', ['-e', '-c', commands], { env: { ...process.env, ...env } })
  return JSON.parse(stdout)
}

/** As the page prints it: … is anything, at the end of a list more of it; a field that it leaves out may be there. */
function fits(seen: unknown, printed: unknown): boolean {
  if (printed === '…') return seen !== undefined
  if (Array.isArray(printed)) {
    const more = printed.at(-1) === '…'
    const items = more ? printed.slice(0, -1) : printed
    return (
      Array.isArray(seen) &&
      (more ? seen.length >= items.length : seen.length === items.length) &&
      items.every((item, i) => fits(seen[i], item))
    )
  }
  if (typeof printed === 'number') return typeof seen === 'number' && Math.abs(seen - printed) < 1e-9
  if (typeof printed !== 'object' || printed === null) return seen === printed
  if (typeof seen !== 'object' || seen === null) return false
  return Object.entries(printed).every(([name, value]) => fits((seen as Record<string, unknown>)[name], value))
}

test('every command of the page answers what the page says', async () => {
  const env = await listen()
  for (const [i, { kind, text }] of BLOCKS.entries()) {
    if (kind !== 'sh' && kind !== 'sh until') continue
    const next = BLOCKS[i + 1]
    expect([text, next?.kind]).toEqual([text, 'json'])
    const printed: unknown = JSON.parse(next!.text)
    const end = Date.now() + PATIENCE_MS
    let seen = await run(text, env)
    while (kind === 'sh until' && !fits(seen, printed) && Date.now() < end) {
      await sleep(200)
      seen = await run(text, env)
    }
    if (!fits(seen, printed)) expect({ command: text, seen }).toEqual({ command: text, seen: printed })
  }
})

test('with a token each of them is refused without it, and none changes anything', async () => {
  vi.stubEnv('STRANDLINE_TOKEN', TOKEN)
  const env = await listen()
  const without = BLOCKS.filter(
    ({ kind, text }) => kind.startsWith('sh') && kind !== 'sh example' && !/Bearer/.test(text),
  )
  for (const { text } of without)
    expect([text, await run(text, env)]).toMatchObject([
      text,
      { error: { code: 'REQUEST_REFUSED', message: 'The token is missing or wrong.' } },
    ])
  const [withToken] = BLOCKS.filter(({ text }) => /Bearer/.test(text))
  expect(await run(withToken!.text, env)).toMatchObject({ position_id: 'mybot-42' })
})

test('the page has a command for each operation of the two documents, and the ports of `up`', async () => {
  const { pm, decision } = stackPorts(DEFAULT_BASE_PORT)
  expect(PAGE).toContain(`PM=http://127.0.0.1:${pm} DECISION=http://127.0.0.1:${decision}`)
  const { PM, DECISION } = await listen()
  const commands = BLOCKS.filter(({ kind }) => kind.startsWith('sh'))
    .map(({ text }) => text)
    .join('\n')
  for (const [variable, url] of Object.entries({ PM, DECISION })) {
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, object> }
    for (const path of Object.keys(paths).filter((p) => p.startsWith('/v1/')))
      expect(commands).toMatch(new RegExp(`\\$${variable}${path.replace(/\{\w+\}/g, '[^/"]+')}[?"]`))
  }
})
