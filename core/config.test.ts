import { describe, expect, test } from 'vitest'
import { readConfig, readDatabaseConfig, readKafkaConfig, readLoopConfig, readRegistryConfig } from './config.ts'

const DATABASE = 'postgres://u:p@127.0.0.1:5432/x'

describe('each need reads its own settings, and no others', () => {
  test('what is set wrongly for another engine is not looked at', () => {
    const wrong = { KAFKA_BROKERS: 'no-port', SCHEMA_REGISTRY_URL: 'nonsense' }
    expect(readDatabaseConfig({ ...wrong, DATABASE_URL: DATABASE })).toEqual({
      store: 'direct',
      databaseUrl: DATABASE,
      supabase: undefined,
    })
    expect(readKafkaConfig({ KAFKA_BROKERS: 'a:1,b:2', SUPABASE_URL: 'nonsense' }).brokers).toEqual(['a:1', 'b:2'])
    expect(readRegistryConfig({ ...wrong, SCHEMA_REGISTRY_URL: 'http://r/' }).url).toBe('http://r')
    expect(readLoopConfig(wrong)).toMatchObject({ topic: 'pm.position-closed.v1', partitions: 6, model: 'lowcap-v4' })
  })

  test('what a need lacks is named', () => {
    expect(() => readKafkaConfig({})).toThrow('KAFKA_BROKERS is not set.')
    expect(() => readRegistryConfig({})).toThrow('SCHEMA_REGISTRY_URL is not set.')
    expect(() => readDatabaseConfig({})).toThrow('SUPABASE_URL is not set.')
    expect(() => readDatabaseConfig({ STRANDLINE_STORE: 'direct' })).toThrow(/DATABASE_URL is not set/)
    expect(() => readDatabaseConfig({ DATABASE_URL: 'mysql://x' })).toThrow(
      'DATABASE_URL is not the URL of a PostgreSQL.',
    )
  })
})

test('who works with all engines needs all of them', () => {
  const env = { KAFKA_BROKERS: 'a:1', SCHEMA_REGISTRY_URL: 'http://r', DATABASE_URL: DATABASE }
  expect(readConfig(env)).toMatchObject({ kafka: { brokers: ['a:1'] }, registry: { url: 'http://r' }, store: 'direct' })
  expect(() => readConfig({ ...env, KAFKA_BROKERS: '' })).toThrow('KAFKA_BROKERS is not set.')
})

test('a retention is a number of days, or never', () => {
  expect(readLoopConfig({}).retention).toEqual({ outboxDays: 365, days: 90 })
  const set = { STRANDLINE_OUTBOX_RETENTION_DAYS: 'never', STRANDLINE_RETENTION_DAYS: '7' }
  expect(readLoopConfig(set).retention).toEqual({ outboxDays: null, days: 7 })
  for (const wrong of ['0', '1.5', '-3', 'forever', '1e9'])
    expect(() => readLoopConfig({ STRANDLINE_RETENTION_DAYS: wrong })).toThrow(
      `STRANDLINE_RETENTION_DAYS is '${wrong}'.`,
    )
})
