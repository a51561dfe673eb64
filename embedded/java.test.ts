import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findJava, javaVersion } from './java.ts'

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'strandline-java-'))
  await mkdir(join(home, 'bin'))
})
afterAll(() => rm(home, { recursive: true, force: true }))

async function fakeJava(script: string): Promise<void> {
  await writeFile(join(home, 'bin/java'), `#!/bin/sh\n${script}\n`)
  await chmod(join(home, 'bin/java'), 0o755)
}

test.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['java version "1.8.0_402"', 8],
  ['openjdk version "25" 2025-09-16', 25],
  ['something else', undefined],
])('the version in %s is %s', (banner, version) => {
  expect(javaVersion(banner)).toBe(version)
})

test('no Java at all is one sentence that says what to install', async () => {
  await rm(join(home, 'bin/java'), { force: true })
  await expect(findJava({ JAVA_HOME: home })).rejects.toMatchObject({
    code: 'JAVA_MISSING',
    message: `Kafka needs Java, and there is none in JAVA_HOME (${home}).`,
    todo: expect.stringContaining('Install Java 17'),
  })
  await expect(findJava({ PATH: '/nowhere' })).rejects.toMatchObject({
    code: 'JAVA_MISSING',
    message: expect.stringContaining('on the PATH'),
  })
})

test('a Java that is too old is named with its version', async () => {
  await fakeJava(`echo 'openjdk version "11.0.2" 2019-01-15' >&2`)
  await expect(findJava({ JAVA_HOME: home })).rejects.toMatchObject({
    code: 'JAVA_MISSING',
    message: expect.stringContaining('is 11'),
  })
})

test('a Java that does not run is told from a missing one', async () => {
  await fakeJava('exit 3')
  await expect(findJava({ JAVA_HOME: home })).rejects.toMatchObject({
    code: 'JAVA_MISSING',
    message: expect.stringContaining('does not run'),
  })
})

test('a good one is used', async () => {
  await fakeJava(`echo 'openjdk version "21.0.1" 2023-10-17' >&2`)
  expect((await findJava({ JAVA_HOME: home })).path).toBe(join(home, 'bin/java'))
})
