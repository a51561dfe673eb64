/** Whether the services of a running stack can do their job. */
import { error, type Finding, info } from './finding.ts'

/** A service gives its own answer up after four seconds. */
const ANSWER_MS = 6_000

/** @param headers what is sent along: the token of the stack */
export function inspectServices(services: Record<string, string>, headers: Record<string, string>): Promise<Finding[]> {
  return Promise.all(Object.entries(services).map(([name, url]) => ask(name, url, headers)))
}

async function ask(name: string, url: string, headers: Record<string, string>): Promise<Finding> {
  try {
    const response = await fetch(`${url}/readyz`, { headers, signal: AbortSignal.timeout(ANSWER_MS) })
    return judgeReadiness(name, url, response.status, await response.text())
  } catch (cause) {
    const { message, cause: why } = cause as Error & { cause?: Error }
    return error(
      'services',
      `${name} does not answer at ${url}: ${why?.message || message}.`,
      `See its log in the stack's folder, or start it: ./strandline up.`,
    )
  }
}

/** What /readyz says. */
export function judgeReadiness(name: string, url: string, status: number, body: string): Finding {
  if (status === 200) return info('services', `${name} is ready (${url}).`)
  return error(
    'services',
    `${name} is not ready: ${reasonOf(body) ?? `${url}/readyz answers ${status}.`}`,
    'It goes on by itself once that is put right; where the log has lost what it needs, or is another one, it also has to be started again.',
  )
}

function reasonOf(body: string): string | undefined {
  try {
    const { reason, error: refused } = JSON.parse(body)
    return reason ?? refused?.message
  } catch {
    return undefined
  }
}
