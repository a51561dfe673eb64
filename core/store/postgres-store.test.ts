import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { postgresError } from './postgres-store.ts'

const coded = (error: Error, code: string) => Object.assign(error, { code })
const codeOf = (error: unknown) => postgresError(error, 'f', 'host/db').code

describe('what went wrong', () => {
  it.each(['EPIPE', 'EPERM', 'EINTR', 'ECONNRESET', 'ETIMEDOUT'])(
    'is no answer of the database where the system says it (%s)',
    (code) => {
      expect(codeOf(coded(new Error(`write ${code}`), code))).toBe('STORE_UNREACHABLE')
    },
  )

  it.each([
    ['23505', 'STORE_REJECTED'],
    ['57P01', 'STORE_UNREACHABLE'],
    ['57014', 'STORE_UNREACHABLE'],
    ['42883', 'STORE_SCHEMA'],
  ])('is told by the state of PostgreSQL where it answered (%s: %s)', (state, code) => {
    expect(codeOf(coded(new pg.DatabaseError('no', 0, 'error'), state))).toBe(code)
  })
})
