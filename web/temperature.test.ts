import { expect, test } from 'vitest'
import { temperature as ofDomain } from '../domain/sizing/temperature.ts'
import { temperature } from './temperature.ts'

test('the page calls hot and cold what the commands and the decision service do', () => {
  const found = new Set<string>()
  for (const least of [0, 0.1, 0.5])
    for (let long = -3; long <= 3; long += 0.25)
      for (let short = -3; short <= 3; short += 0.25) {
        const said = temperature(short, long, least)
        expect([short, long, least, said]).toEqual([short, long, least, ofDomain(short, long, least)])
        found.add(said)
      }
  expect([...found].sort()).toEqual(['cold', 'hot', 'steady'])
})
