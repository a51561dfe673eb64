import { expect, test } from 'vitest'
import { bestContext } from '../demo/market.ts'
import { sizingLink } from './sizing-link.ts'

const SIZES = { timeframe: '1h', base: 4, min: 1, max: 10 }

test.each([bestContext(), { curator: 'a&b=c#d %7C "e"', chain: '\u202e\u0000<script>' }])(
  'the link asks what was asked: %j',
  (context) => {
    const link = new URL(sizingLink('http://127.0.0.1:7306/', { context, ...SIZES }))
    expect([link.origin, link.pathname, link.hash]).toEqual(['http://127.0.0.1:7306', '/sizing', ''])
    const { context: text, ...sizes } = Object.fromEntries(link.searchParams)
    expect(JSON.parse(text as string)).toEqual(context)
    expect(sizes).toEqual({ timeframe: '1h', base: '4', min: '1', max: '10' })
    // a terminal makes a link of it as a whole
    expect(link.href).toMatch(/^[\x21-\x7e]+$/)
    expect(link.href).not.toMatch(/["<>]/)
  },
)

test('a page that lies below a path keeps it', () => {
  for (const page of ['https://example.org/strandline', 'https://example.org/strandline/'])
    expect(sizingLink(page, { context: {}, ...SIZES })).toMatch(
      /^https:\/\/example\.org\/strandline\/sizing\?context=%7B%7D&/,
    )
})
