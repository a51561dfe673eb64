import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { freePort } from '../core/ports.ts'
import { createLink, type Link } from './link.ts'

/** What has reached the server; it answers each packet with itself. */
let heard: string
let server: Server
let link: Link
const open = new Set<Socket>()

beforeEach(async () => {
  heard = ''
  server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {})
    socket.on('data', (data) => {
      heard += data
      socket.write(data)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  link = await createLink(await freePort(), (server.address() as AddressInfo).port)
})
afterEach(async () => {
  await link.close()
  for (const socket of open) socket.destroy()
  open.clear()
  server.close()
})

interface Client {
  socket: Socket
  got(): string
  ended: Promise<unknown>
}

async function client(): Promise<Client> {
  const socket = connect(link.port, '127.0.0.1')
  let got = ''
  socket.on('error', () => {})
  socket.on('data', (data) => {
    got += data
  })
  const ended = once(socket, 'close')
  await Promise.race([once(socket, 'connect'), ended])
  return { socket, got: () => got, ended }
}

const says = async (one: Client, text: string) => {
  one.socket.write(text)
  await vi.waitFor(() => expect(one.got()).toContain(text), { timeout: 20_000 })
}

test('carries both ways, and an end on one side is one on the other', async () => {
  const one = await client()
  await says(one, 'a')
  for (const socket of open) socket.end()
  await one.ended
})

test('cut: connections end, new ones are refused until it is mended', async () => {
  const one = await client()
  await says(one, 'a')
  link.cut()
  await one.ended
  await (await client()).ended
  link.mend()
  await says(await client(), 'b')
})

test('slow: everything comes, in its order, and what is on its way when it is mended as well', async () => {
  const one = await client()
  link.slow(30)
  for (const letter of 'abcdefgh') {
    one.socket.write(letter)
    await sleep(3)
  }
  link.mend()
  one.socket.write('i')
  await vi.waitFor(() => expect(one.got()).toBe('abcdefghi'), { timeout: 20_000 })
})

describe('half open', () => {
  test('with the requests lost: the server hears nothing, and nobody hears of it', async () => {
    const one = await client()
    await says(one, 'a')
    link.mute('requests')
    one.socket.write('b')
    const late = await client()
    late.socket.write('c')
    await sleep(100)
    expect([heard, one.got(), late.got(), one.socket.destroyed, late.socket.destroyed]).toEqual([
      'a',
      'a',
      '',
      false,
      false,
    ])
    link.mend()
    await Promise.all([one.ended, late.ended])
    await says(await client(), 'd')
    expect(heard).toBe('ad')
  })

  test('with the answers lost: what was asked is done', async () => {
    const one = await client()
    await says(one, 'a')
    link.mute('answers')
    one.socket.write('b')
    await vi.waitFor(() => expect(heard).toBe('ab'), { timeout: 20_000 })
    await sleep(50)
    expect(one.got()).toBe('a')
    link.mend()
    await one.ended
  })
})
