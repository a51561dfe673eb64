import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { refusal } from './transaction.ts'

const coded = (error: Error, code: string) => Object.assign(error, { code })

describe('what ended a transaction', () => {
  it.each(['EPIPE', 'EPERM', 'EINTR', 'ECONNRESET'])(
    'regression: is no refusal of the database where the system says it (%s)',
    (code) => {
      const error = coded(new Error(`write ${code}`), code)
      expect(refusal(error)).toBe(error)
    },
  )

  it.each([
    ['ST002', 'STORE_REJECTED'],
    ['ST003', 'STORE_SCHEMA'],
    ['42P01', 'STORE_SCHEMA'],
    ['42501', 'STORE_REJECTED'],
    ['23505', 'STORE_REJECTED'],
  ])('is told by the state of PostgreSQL where it answered (%s: %s)', (state, code) => {
    expect(refusal(coded(new pg.DatabaseError('no', 0, 'error'), state))).toMatchObject({ code })
  })
})
