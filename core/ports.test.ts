import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { freePort, isPortFree } from './ports.ts'

const RANGE = '/proc/sys/net/ipv4/ip_local_port_range'

it.runIf(existsSync(RANGE))('a free port is none that an outgoing connection takes before it is used', async () => {
  const [from] = readFileSync(RANGE, 'utf8').split(/\s+/).map(Number)
  for (let i = 0; i < 20; i++) {
    const port = await freePort()
    expect(port).toBeLessThan(from as number)
    expect(await isPortFree(port)).toBe(true)
  }
})
