/** What is wrong with the answers to a request, or undefined. */
import type { BadRequest } from './bad-request.ts'
import type { Answer, Sent } from './send.ts'

export function judgeAnswer(request: BadRequest, sent: Sent): string | undefined {
  if (sent === 'hangs') return 'there is no answer, and no end'
  if (sent.answers.length === 0) return request.mayEnd ? undefined : 'the connection ended without an answer'
  for (const answer of sent.answers) {
    const wrong = judge(request, answer)
    if (wrong) return `${wrong} (${answer.status} ${answer.contentType}: ${answer.body.slice(0, 200)})`
  }
}

/** What no sentence for people has: the insides of a program. */
const INSIDES =
  /\n\s+at |TypeError|RangeError|ReferenceError|Cannot (read|set|convert) |is not a function|undefined \(|\.ts:\d|node_modules|\[object Object\]/

function judge({ target, isHead, body: sent }: BadRequest, { status, contentType, body }: Answer): string | undefined {
  if (status >= 200 && status < 300) {
    if (isHead || body === '' || !contentType.includes('json')) return undefined
    return parsed(body) === undefined ? 'it says JSON and is none' : undefined
  }
  if (!(status >= 400 && status < 500)) return 'it is neither a success nor the fault of the request'
  if (isHead) return undefined
  const said = parsed(body) as { message?: unknown; error?: { code?: unknown; message?: unknown } } | undefined
  const message = target === 'pm' || target === 'decision' ? said?.error?.message : said?.message
  if (typeof message !== 'string' || message.length < 5) return 'it does not say why'
  if (INSIDES.test(message)) return 'it shows the insides of the program'
  // a name in it may have one, if the request gave it that name
  if (/[\r\n]/.test(message.trim()) && !sent.includes('\\n')) return 'it is more than one line'
  return undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
