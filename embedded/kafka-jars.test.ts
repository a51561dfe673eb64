import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensureKafkaJars, type Jar } from './kafka-jars.ts'

const CONTENT = Buffer.from('what the jar holds')
const jars: Jar[] = ['a', 'b', 'c'].map((name) => ({
  artifact: `org.example:${name}:1.0`,
  sha256: createHash('sha256').update(CONTENT).digest('hex'),
  bytes: CONTENT.length,
}))

let dir: string
let server: Server
let repository: string
let requested: string[]
/** What the repository answers for a path; undefined: the right file. */
let answer: (path: string) => Buffer | number | 'stuck' | undefined

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'strandline-jars-'))
  requested = []
  answer = () => undefined
  server = createServer((request, response) => {
    requested.push(request.url!)
    const given = answer(request.url!)
    if (typeof given === 'number') response.writeHead(given).end()
    else if (given === 'stuck') response.writeHead(200).write(CONTENT.subarray(0, 3))
    else response.end(given ?? CONTENT)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  repository = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await rm(dir, { recursive: true, force: true })
})

const ensure = (more = {}) => ensureKafkaJars({ cacheDir: dir, repository, jars, ...more })

test('files are fetched once, with progress, and then taken from the cache', async () => {
  const progress: number[] = []
  const first = await ensure({ onProgress: (done: number) => progress.push(done) })
  expect(progress).toEqual([0, 1, 2, 3])
  expect(requested.sort()).toEqual([
    '/org/example/a/1.0/a-1.0.jar',
    '/org/example/b/1.0/b-1.0.jar',
    '/org/example/c/1.0/c-1.0.jar',
  ])
  expect(await readFile(join(first.dir, 'a-1.0.jar'))).toEqual(CONTENT)
  expect(first.classpath.split(':')).toEqual(['a', 'b', 'c'].map((n) => join(first.dir, `${n}-1.0.jar`)))
  await ensure({ onProgress: () => expect.fail('nothing is left to fetch') })
  expect(requested).toHaveLength(3)
})

test('a file that was damaged in the cache is fetched again', async () => {
  const { dir: at } = await ensure()
  await writeFile(join(at, 'b-1.0.jar'), 'what the jar HOLDS')
  await ensure()
  expect(requested.at(-1)).toBe('/org/example/b/1.0/b-1.0.jar')
  expect(await readFile(join(at, 'b-1.0.jar'))).toEqual(CONTENT)
})

test('a download that arrives damaged is one sentence, leaves nothing wrong, and the rest is kept', async () => {
  answer = (path) => (path.includes('/b/') ? Buffer.from('something else') : undefined)
  await expect(ensure()).rejects.toMatchObject({
    code: 'DOWNLOAD_FAILED',
    message: "Kafka's file b-1.0.jar arrived damaged: its checksum is not the pinned one.",
  })
  const [version] = await readdir(join(dir, 'kafka'))
  expect((await readdir(join(dir, 'kafka', version!))).sort()).toEqual(['a-1.0.jar', 'c-1.0.jar'])
})

test('a repository that does not have a file is asked once', async () => {
  answer = (path) => (path.includes('/a/') ? 404 : undefined)
  await expect(ensure()).rejects.toMatchObject({
    code: 'DOWNLOAD_FAILED',
    message: expect.stringContaining('a-1.0.jar'),
  })
  expect(requested.filter((p) => p.includes('/a/'))).toHaveLength(1)
})

test('no network is one sentence with what to do', async () => {
  server.closeAllConnections()
  server.close()
  await expect(ensure()).rejects.toMatchObject({
    code: 'DOWNLOAD_FAILED',
    message: expect.stringMatching(/could not be downloaded: .*ECONNREFUSED/),
    todo: expect.stringContaining('Check the network'),
  })
})

test('regression: the downloader waits for ever on a connection that dies in the middle; we do not', async () => {
  answer = (path) => (path.includes('/c/') ? 'stuck' : undefined)
  await expect(ensure({ stallMs: 100 })).rejects.toMatchObject({
    code: 'DOWNLOAD_FAILED',
    message: expect.stringContaining('c-1.0.jar'),
  })
})

test('two processes may fetch at the same time', async () => {
  const both = await Promise.all([ensure(), ensure()])
  expect((await readdir(both[0].dir)).sort()).toEqual(['a-1.0.jar', 'b-1.0.jar', 'c-1.0.jar'])
})
