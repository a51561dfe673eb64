import pg from 'pg'
import { expect, it } from 'vitest'
import { transactionWhenFree } from './lock-order.ts'

/** A client whose connection breaks at the statement `at`. */
const breaking = (at: string, error: Error) =>
  ({ query: async (statement: string) => (statement === at ? Promise.reject(error) : undefined) }) as pg.ClientBase

const lost = () => new Error('Connection terminated unexpectedly')
const shutDown = () => Object.assign(new pg.DatabaseError('terminating connection', 0, 'error'), { code: '57P01' })

it.each([lost, shutDown])(
  'regression: a connection that breaks at the commit leaves open whether it happened',
  async (error) => {
    await expect(transactionWhenFree(breaking('commit', error()), async () => 1)).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      message: expect.stringContaining('whether it did is not known'),
    })
  },
)

it.each([lost, shutDown])('one that breaks before the commit is told from it', async (error) => {
  const client = breaking('change', error())
  await expect(transactionWhenFree(client, () => client.query('change'))).rejects.toMatchObject({
    code: 'STORE_UNREACHABLE',
    message: expect.stringContaining('nothing was changed'),
  })
})

it('a refusal at the commit, and what is wrong with the work, are thrown as they are', async () => {
  const refused = Object.assign(new pg.DatabaseError('violates', 0, 'error'), { code: '23503' })
  await expect(transactionWhenFree(breaking('commit', refused), async () => 1)).rejects.toBe(refused)
  const wrong = new TypeError('x is not a function')
  await expect(transactionWhenFree(breaking('', lost()), () => Promise.reject(wrong))).rejects.toBe(wrong)
})
