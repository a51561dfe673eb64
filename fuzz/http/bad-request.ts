/** One request as the bytes that go over the wire. The same number of a seed is always the same request. */
import { createDice, type Dice } from '../dice.ts'
import { badJson } from './bad-json.ts'
import { type GoodRequest, goodRequest, type TargetName } from './routes.ts'

export interface BadRequest {
  target: TargetName
  /** `{host}` and `{key}` stand in the head for what the stage has. */
  head: string
  body: Buffer
  /** What was changed, for people. */
  about: string
  /** No HTTP/1.1 to Node, or a connection of another kind: there need be no answer, only an end. */
  mayEnd: boolean
  /** The other side waits for more, which never comes: it is told that. */
  unfinished: boolean
  isHead: boolean
}

const TARGETS: Record<TargetName, number> = { pm: 45, decision: 20, registry: 25, supabase: 10 }

/** Requests of one hundred have the same target, so that what each hundred left can be told. */
export const REQUESTS_OF_ONE_TARGET = 100

export function makeRequest(seed: number, number: number): BadRequest {
  const target = createDice(seed, 'target', Math.floor(number / REQUESTS_OF_ONE_TARGET)).weighed(TARGETS)
  const dice = createDice(seed, 'request', number)
  const good = goodRequest(target, dice)
  const kind = dice.weighed({ none: 12, body: good.body ? 34 : 0, path: 16, headers: 18, framing: 12, line: 8 })
  return MAKE[kind](target, good, dice)
}

type Made = Omit<BadRequest, 'target' | 'isHead' | 'mayEnd' | 'unfinished'> & { mayEnd?: boolean }

interface Parts {
  method: string
  path: string
  version: string
  headers: [name: string, value: string][]
  body: Buffer
}

function partsOf(target: TargetName, { method, path, body, key }: GoodRequest): Parts {
  const bytes = body ? Buffer.from(JSON.stringify(body)) : Buffer.alloc(0)
  const headers: Parts['headers'] = [
    ['Host', '{host}'],
    ['Connection', 'close'],
  ]
  if (target === 'supabase' && key) headers.push(['apikey', '{key}'], ['Authorization', 'Bearer {key}'])
  if (body)
    headers.push([
      'Content-Type',
      target === 'registry' ? 'application/vnd.schemaregistry.v1+json' : 'application/json',
    ])
  return { method, path, version: 'HTTP/1.1', headers, body: bytes }
}

const headOf = ({ method, path, version, headers }: Parts) =>
  `${method} ${path} ${version}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`

function whole(target: TargetName, parts: Parts, about: string, more: Partial<Made> = {}): BadRequest {
  const headers: Parts['headers'] =
    parts.body.length > 0 ? [...parts.headers, ['Content-Length', String(parts.body.length)]] : parts.headers
  return {
    target,
    head: headOf({ ...parts, headers }),
    body: parts.body,
    about,
    mayEnd: false,
    unfinished: false,
    isHead: parts.method === 'HEAD',
    ...more,
  }
}

type Maker = (target: TargetName, good: GoodRequest, dice: Dice) => BadRequest

const MAKE: Record<'none' | 'body' | 'path' | 'headers' | 'framing' | 'line', Maker> = {
  none: (target, good) => whole(target, partsOf(target, good), 'nothing'),
  body: (target, good, dice) => whole(target, { ...partsOf(target, good), body: badJson(good.body!, dice) }, 'body'),
  path(target, good, dice) {
    const parts = partsOf(target, good)
    const path = oddPath(parts.path, dice)
    return whole(target, { ...parts, path }, `path ${path.slice(0, 80)}`, { mayEnd: /[ \t]/.test(path) })
  },
  headers(target, good, dice) {
    const parts = partsOf(target, good)
    const [about, change] = dice.pick(HEADERS)
    change(parts, dice)
    return whole(target, parts, `header ${about}`)
  },
  framing(target, good, dice) {
    const method = good.body ? good.method : 'POST'
    const parts = partsOf(target, { ...good, body: good.body ?? { a: 1 }, method, key: false })
    const [about, make] = dice.pick(FRAMINGS)
    const { headers = [], body = parts.body, unfinished = false, mayEnd = unfinished } = make(parts.body, dice)
    const head = headOf({ ...parts, headers: [...parts.headers, ...headers] })
    return { target, head, body, about: `framing ${about}`, mayEnd, unfinished, isHead: false }
  },
  line(target, good, dice) {
    const parts = partsOf(target, { ...good, key: false }) // with the key, DELETE does what it says
    const [about, line, mayEnd] = dice.pick(LINES)(parts)
    const made = whole(target, parts, `line ${about}`, { mayEnd })
    return { ...made, head: line + made.head.slice(made.head.indexOf('\r\n')), isHead: line.startsWith('HEAD ') }
  },
}

function oddPath(path: string, dice: Dice): string {
  const at = 1 + dice.below(path.length)
  const into = (text: string) => path.slice(0, at) + text + path.slice(at)
  return dice.pick([
    into('%00'),
    into('%2e%2e%2f'),
    into('../'),
    into('/./'),
    into('//'),
    into('%'),
    into('%ff'),
    into('%ed%a0%80'),
    into('%F0%9F%98%80'),
    into('\\'),
    into(';a=b'),
    into('#'),
    into('?'),
    into('%252e'),
    into('\u00e9\u00ff'), // bytes beyond ASCII, as they are
    into(' '),
    into('\t'),
    into(`${'a'.repeat(dice.pick([300, 2_000, 9_000, 15_000]))}`),
    `/${path}`,
    `${path}/`,
    path.toUpperCase(),
    `http://evil.example${path}`,
    `http://{host}${path}`,
    '*',
    '/__proto__',
    `/..%2f..${path}`,
    `${path}?${'a=b&'.repeat(2_000)}`,
    path.replace(/fuzz-\d+/, dice.pick(['constructor', '__proto__', '%00', "'%3b drop table x", 'toString', '..'])),
  ])
}

const set = (parts: Parts, name: string, value: string) => {
  parts.headers = [...parts.headers.filter(([known]) => known.toLowerCase() !== name.toLowerCase()), [name, value]]
}
const add = (parts: Parts, name: string, value: string) => void parts.headers.push([name, value])

const HEADERS: [about: string, change: (parts: Parts, dice: Dice) => void][] = [
  ['no Host', (p) => (p.headers = p.headers.filter(([n]) => n !== 'Host'))],
  [
    'foreign Host',
    (p, d) =>
      set(
        p,
        'Host',
        d.pick([
          'evil.example',
          '127.0.0.1.evil.example',
          '127.0.0.1@evil.example',
          '',
          ' ',
          '[::1',
          'a'.repeat(5_000),
        ]),
      ),
  ],
  ['second Host', (p) => add(p, 'Host', 'evil.example')],
  [
    'foreign Origin',
    (p, d) => set(p, 'Origin', d.pick(['https://evil.example', 'null', 'file://', 'http://{host}.evil.example', ''])),
  ],
  [
    'content type',
    (p, d) =>
      set(
        p,
        'Content-Type',
        d.pick([
          '',
          'text/plain',
          'multipart/form-data',
          'application/x-www-form-urlencoded',
          'application/json; charset=utf-16',
          'application/json; charset=',
          'APPLICATION/JSON',
          'application/json;;;',
          'application/jsonx',
          'text/csv',
          '\u00ff',
        ]),
      ),
  ],
  ['second content type', (p) => add(p, 'Content-Type', 'text/plain')],
  ['content encoding', (p, d) => set(p, 'Content-Encoding', d.pick(['gzip', 'br', 'identity', 'x']))],
  ['accept', (p, d) => set(p, 'Accept', d.pick(['text/html', '*/*;q=', 'application/vnd.pgrst.object+json', 'x']))],
  ['a large one', (p, d) => set(p, 'X-Large', 'x'.repeat(d.pick([7_000, 17_000, 100_000])))],
  [
    'a thousand',
    (p, d) => {
      for (let i = d.pick([100, 1_000, 2_500]); i > 0; i--) add(p, `X-${i}`, 'y')
    },
  ],
  ['a NUL', (p) => add(p, 'X-Nul', 'a\0b')],
  ['a name with a space', (p) => add(p, 'X Space', 'a')],
  ['no name', (p) => add(p, '', 'a')],
  ['folded', (p) => add(p, 'X-Folded', 'a\r\n b')],
  ['a bare line feed', (p) => add(p, 'X-Feed', 'a\nX-Other: b')],
  [
    '__proto__',
    (p) => {
      add(p, '__proto__', 'a')
      add(p, 'constructor', 'b')
    },
  ],
  ['expectation', (p, d) => set(p, 'Expect', d.pick(['100-continue', 'miracles']))],
  ['method override', (p) => add(p, 'X-HTTP-Method-Override', 'DELETE')],
  [
    'forwarded',
    (p) => {
      add(p, 'X-Forwarded-Host', 'evil.example')
      add(p, 'X-Forwarded-For', '127.0.0.1')
    },
  ],
  [
    'authorization',
    (p, d) =>
      set(
        p,
        'Authorization',
        d.pick(['Bearer', 'Bearer x', 'Basic Og==', 'Bearer \u00ff', `Bearer ${'x'.repeat(5_000)}`, 'Negotiate']),
      ),
  ],
  ['range', (p) => add(p, 'Range', 'bytes=0-,5-1,-9999999999999999999')],
  [
    'prefer',
    (p, d) =>
      add(p, 'Prefer', d.pick(['return=representation', 'count=exact', 'tx=rollback', 'params=multiple-objects'])),
  ],
  ['accept version', (p) => add(p, 'Accept-Version', '9.x')],
  [
    'upgrade to a websocket',
    (p) => {
      set(p, 'Connection', 'Upgrade')
      add(p, 'Upgrade', 'websocket')
      add(p, 'Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA==')
    },
  ],
  [
    'upgrade to HTTP/2',
    (p) => {
      set(p, 'Connection', 'Upgrade, HTTP2-Settings')
      add(p, 'Upgrade', 'h2c')
      add(p, 'HTTP2-Settings', 'AAMAAABkAAQAAP__')
    },
  ],
  [
    'traceparent',
    (p, d) =>
      add(
        p,
        'traceparent',
        d.pick(['00-', '00-00000000000000000000000000000000-0000000000000000-00', 'ff-x', 'a'.repeat(3_000)]),
      ),
  ],
]

type Framing = (
  body: Buffer,
  dice: Dice,
) => { headers?: Parts['headers']; body?: Buffer; mayEnd?: boolean; unfinished?: boolean }

const chunk = (bytes: Buffer, size = bytes.length.toString(16)) =>
  Buffer.concat([Buffer.from(`${size}\r\n`), bytes, Buffer.from('\r\n')])
const LAST = Buffer.from('0\r\n\r\n')
const chunked: [string, string] = ['Transfer-Encoding', 'chunked']
const length = (n: number | string): [string, string] => ['Content-Length', String(n)]

const FRAMINGS: [about: string, make: Framing][] = [
  [
    'chunked',
    (b) => ({ headers: [chunked], body: Buffer.concat([chunk(b.subarray(0, 5)), chunk(b.subarray(5)), LAST]) }),
  ],
  [
    'a chunk for each byte',
    (b) => ({ headers: [chunked], body: Buffer.concat([...b].map((byte) => chunk(Buffer.from([byte]))).concat(LAST)) }),
  ],
  ['no last chunk', (b) => ({ headers: [chunked], body: chunk(b), unfinished: true })],
  [
    'chunk sizes that are none',
    (b, d) => ({
      headers: [chunked],
      body: Buffer.concat([chunk(b, d.pick(['xyz', '-5', 'ffffffffffffffffff', '0x10', ''])), LAST]),
      mayEnd: true,
    }),
  ],
  [
    'a chunk that is longer than it says',
    (b) => ({ headers: [chunked], body: Buffer.concat([chunk(b, '5'), LAST]), mayEnd: true }),
  ],
  [
    'chunk extensions',
    (b) => ({ headers: [chunked], body: Buffer.concat([chunk(b, `${b.length.toString(16)};a="b"`), LAST]) }),
  ],
  [
    'endless chunk extensions',
    (b) => ({
      headers: [chunked],
      body: Buffer.concat([chunk(b, `${b.length.toString(16)};${'a'.repeat(60_000)}`), LAST]),
      mayEnd: true,
    }),
  ],
  [
    'trailers',
    (b) => ({
      headers: [chunked, ['Trailer', 'X']],
      body: Buffer.concat([chunk(b), Buffer.from('0\r\nHost: evil.example\r\n\r\n')]),
    }),
  ],
  [
    'length and chunks',
    (b) => ({ headers: [length(b.length), chunked], body: Buffer.concat([chunk(b), LAST]), mayEnd: true }),
  ],
  [
    'another transfer encoding',
    (b, d) => ({
      headers: [['Transfer-Encoding', d.pick(['gzip', 'gzip, chunked', 'chunked, identity', 'xchunked'])]],
      body: Buffer.concat([chunk(b), LAST]),
      mayEnd: true,
    }),
  ],
  ['a length that is too small', (b) => ({ headers: [length(b.length - 3)], mayEnd: true })],
  ['a length that is too large', (b) => ({ headers: [length(b.length + 10)], unfinished: true })],
  [
    'a length that is none',
    (b, d) => ({
      headers: [
        length(d.pick(['-1', 'abc', '1e3', '+5', '0x10', '', '99999999999999999999', `${b.length}, ${b.length}`])),
      ],
      mayEnd: true,
    }),
  ],
  ['two lengths', (b) => ({ headers: [length(b.length), length(b.length + 1)], mayEnd: true })],
  ['a large length', () => ({ headers: [length(2 ** 40)], unfinished: true })],
  ['a body without a length', () => ({ mayEnd: true })],
  [
    'two requests at once',
    (b) => ({
      headers: [length(b.length)],
      body: Buffer.concat([b, Buffer.from('GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n')]),
    }),
  ],
]

const LINES: ((p: Parts) => [about: string, line: string, mayEnd: boolean])[] = [
  (p) => ['lower case', `${p.method.toLowerCase()} ${p.path} ${p.version}`, true],
  (p) => ['no version', `${p.method} ${p.path}`, false],
  (p) => ['HTTP/1.0', `${p.method} ${p.path} HTTP/1.0`, false],
  (p) => ['HTTP/2.0', `${p.method} ${p.path} HTTP/2.0`, true],
  (p) => ['HTTP/9.9', `${p.method} ${p.path} HTTP/9.9`, true],
  (p) => ['no method', `${p.path} ${p.version}`, true],
  () => ['HTTP/2 preface', 'PRI * HTTP/2.0', true],
  () => ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001', true],
  () => ['endless', 'A'.repeat(50_000), true],
  () => ['nothing', '', true],
  () => ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1', true],
  ...['TRACE', 'OPTIONS', 'HEAD', 'DELETE', 'PUT', 'PATCH', 'PROPFIND', 'PURGE', 'M-SEARCH', 'QUERY', 'SOURCE'].map(
    (method) =>
      (p: Parts): [string, string, boolean] => [method, `${method} ${p.path} ${p.version}`, false],
  ),
]
