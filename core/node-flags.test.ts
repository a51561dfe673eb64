import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { NODE_FLAGS } from './node-flags.ts'

test.each(['strandline', 'Dockerfile'])('%s starts Node with the same flags', (file) => {
  const started = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
    .split('\n')
    .find((line) => /^(exec|ENTRYPOINT) .*cli\/main\.ts/.test(line))
  expect(started?.match(/--[\w-]+=\w+/g)).toEqual(NODE_FLAGS)
})
