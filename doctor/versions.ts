/** The Node.js that runs this. */
import { readFileSync } from 'node:fs'
import { error, type Finding, info } from './finding.ts'

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  engines: { node: string }
}

export function judgeNode(version = process.versions.node, wanted = engines.node): Finding[] {
  const least = wanted.replace(/^>=/, '')
  if (version.localeCompare(least, 'en', { numeric: true }) < 0)
    return [
      error(
        'versions',
        `Node.js is ${version}; ${wanted} is needed.`,
        './strandline brings the right one: start it with that.',
      ),
    ]
  return [info('versions', `Node.js is ${version}.`)]
}
