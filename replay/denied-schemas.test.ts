import { setImmediate } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { DecodeError } from '../core/codec/codec.ts'
import { StrandlineError } from '../core/errors.ts'
import { createDeniedSchemas } from './denied-schemas.ts'

const unknown = new DecodeError('unknown_schema', 'the registry does not know it')
const unreachable = new StrandlineError('REGISTRY_UNREACHABLE', 'No answer.', { todo: 'Wait.' })
const uncertain = new StrandlineError('REGISTRY_SCHEMA_UNKNOWN', 'The record waits.', { todo: 'Wait.' })

/** Three schemas that were denied, of a registry that answers so now. */
function denied(...answers: (Error | Promise<never>)[]) {
  const decode = vi.fn(async () => {
    const answer = answers.shift() ?? unknown
    throw answer instanceof Error ? answer : await answer
  })
  const schemas = createDeniedSchemas({ decode })
  for (const id of [1, 2, 3]) schemas.note({ value: Buffer.from([0, 0, 0, 0, id, 0]) })
  return { schemas, decode }
}

const never = new AbortController().signal

test('all that were denied are asked after, until the registry knows one', async () => {
  const none = denied()
  expect(await none.schemas.turnedUp(never)).toBe(false)
  expect(none.decode).toHaveBeenCalledTimes(3)
  const one = denied(uncertain, new DecodeError('truncated', 'it has no body'))
  expect(await one.schemas.turnedUp(never)).toBe(true)
  expect(one.decode).toHaveBeenCalledTimes(2)
})

test('regression: a registry that does not answer is asked once', async () => {
  const { schemas, decode } = denied(unreachable, unreachable, unreachable)
  expect(await schemas.turnedUp(never)).toBe(false)
  expect(decode).toHaveBeenCalledTimes(1)
})

test('regression: whoever stops waits for no answer, and asks no further', async () => {
  const silence = Promise.withResolvers<never>()
  const { schemas, decode } = denied(silence.promise)
  const stopping = new AbortController()
  const asked = schemas.turnedUp(stopping.signal)
  await vi.waitFor(() => expect(decode).toHaveBeenCalledTimes(1))
  stopping.abort()
  expect(await asked).toBe(false)
  silence.reject(unknown)
  await setImmediate()
  expect(await schemas.turnedUp(stopping.signal)).toBe(false)
  expect(decode).toHaveBeenCalledTimes(1)
})

test('regression: one that was denied before many others has its turn', async () => {
  const decode = vi.fn(async (head: Buffer): Promise<never> => {
    throw head.readUInt32BE(1) === 1 ? new DecodeError('truncated', 'it has no body') : unknown
  })
  const schemas = createDeniedSchemas({ decode })
  for (let id = 1; id <= 250; id++) schemas.note({ value: Buffer.from([0, 0, 0, 0, id, 0]) })
  expect(await schemas.turnedUp(never)).toBe(true)
  decode.mockClear()
  const later = createDeniedSchemas({ decode })
  for (let id = 250; id >= 1; id--) later.note({ value: Buffer.from([0, 0, 0, 0, id, 0]) })
  const turns = [await later.turnedUp(never), await later.turnedUp(never), await later.turnedUp(never)]
  expect(turns).toEqual([false, false, true])
  expect(decode).toHaveBeenCalledTimes(250)
})
