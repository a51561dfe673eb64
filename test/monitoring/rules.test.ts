import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

interface Rule {
  alert: string
  labels: { severity: string }
  annotations: { summary: string }
}
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const rules: Rule[] = parse(read('monitoring/prometheus/rules/strandline.yml')).groups.flatMap(
  (g: { rules: Rule[] }) => g.rules,
)
const manual = read('docs/operations.md')
const tested = read('monitoring/prometheus/tests/strandline.test.yml')

describe.each(rules)('$alert', ({ alert, labels, annotations }) => {
  test('has a section in the manual that says what to do', () => {
    expect(manual).toMatch(new RegExp(`^### .*\\b${alert}\\b`, 'm'))
  })

  test('is fired by a test', () => {
    const fired = new RegExp(`alertname: ${alert}\\n\\s+exp_alerts:|alertname="${alert}", alertstate="firing"`)
    expect(tested).toMatch(fired)
  })

  test('says how urgent it is, and what has happened', () => {
    expect(['warning', 'critical']).toContain(labels.severity)
    expect(annotations.summary).toMatch(/\w/)
  })
})

test('the manual explains no alert that does not exist', () => {
  const explained = [...manual.matchAll(/^### (Strandline.*)$/gm)].flatMap((m) => m[1]!.split(', '))
  expect(explained.sort()).toEqual(rules.map((r) => r.alert).sort())
})
