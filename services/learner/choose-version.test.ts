import { describe, expect, test } from 'vitest'
import type { ModelVersion } from '../../core/store/model-versions.ts'
import { chooseOnly, chooseVersion, newerVersion } from './choose-version.ts'

const A = 'aaaaaaaaaaaa'.padEnd(64, '0')
const version = (model_version: number, changes: Partial<ModelVersion> = {}): ModelVersion => ({
  model_version,
  sums: model_version,
  consumer: '',
  model: 'lowcap-v4',
  outcome: 'rr',
  hash: A,
  build: model_version,
  topic: 't',
  active: false,
  building: false,
  dropping: false,
  previous: null,
  n: 0,
  created_at: '2026-01-01T00:00:00Z',
  ...changes,
})

describe('a version is chosen', () => {
  const other = version(3, { model: 'freqtrade', hash: 'abcabc'.padEnd(64, 'f'), build: 1 })
  const all = [version(1, { active: true }), version(2), other]

  test('by its model, its hash, and its build; of several builds the newest', () => {
    expect(chooseVersion(all, 'lowcap-v4').model_version).toBe(2)
    expect(chooseVersion(all, 'lowcap-v4.r1').model_version).toBe(1)
    expect(chooseVersion(all, A.slice(0, 12)).model_version).toBe(2)
    expect(chooseVersion(all, `${A.slice(0, 12)}.r1`).model_version).toBe(1)
    expect(chooseVersion(all, 'abcabc').model_version).toBe(3)
  })

  test('never guessed where a guess would cost something', () => {
    expect(() => chooseOnly(all, 'lowcap-v4')).toThrow(
      'lowcap-v4 may be lowcap-v4 (aaaaaaaaaaaa), lowcap-v4 (aaaaaaaaaaaa.r2).',
    )
    expect(() => chooseOnly(all, A.slice(0, 12))).toThrow('may be')
    expect(chooseOnly(all, 'lowcap-v4.r1').model_version).toBe(1)
    expect(chooseOnly(all, 'freqtrade').model_version).toBe(3)
  })

  test('or refused in one sentence', () => {
    expect(() => chooseVersion(all, 'nobody')).toThrow(
      "learned under a model 'nobody': there are lowcap-v4, freqtrade.",
    )
    const alike = [...all, version(4, { model: 'other', hash: `${A.slice(0, 20)}${'f'.repeat(44)}`, build: 1 })]
    expect(() => chooseVersion(alike, A.slice(0, 12))).toThrow(/^aaaaaaaaaaaa may be lowcap-v4 \(aaaaaaaaaaaa\), /)
    expect(() => chooseVersion([...all, version(4, { topic: 'u' })], 'lowcap-v4')).toThrow('several topics: t, u.')
    expect(() => chooseVersion(all, 'lowcap-v4', 'u')).toThrow('lowcap-v4 never learned from u, but from t.')
    expect(() => chooseVersion([version(1, { dropping: true })], 'lowcap-v4')).toThrow('no model has learned yet')
  })
})

describe('without a name it is what is newer than what readers see', () => {
  test('of the same model and log', () => {
    const newer = [
      version(1, { active: true }),
      version(2),
      version(3, { model: 'freqtrade' }),
      version(4, { topic: 'u' }),
    ]
    expect(newerVersion(newer).model_version).toBe(2)
  })

  test('and nothing where there is none', () => {
    const older = [version(2, { active: true }), version(1), version(3, { dropping: true })]
    expect(() => newerVersion(older)).toThrow('There is nothing newer of lowcap-v4 than what readers see.')
    expect(() => newerVersion([])).toThrow('No model has learned yet.')
  })
})
