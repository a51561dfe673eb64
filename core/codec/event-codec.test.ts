/** A second event type has a schema, a name and a meaning of its own; bytes, registration and refusal are the same. */
import avro from 'avsc'
import { expect, test } from 'vitest'
import { POSITION_CLOSED } from '../../domain/event-type.ts'
import { createEventCodec, schemaOf } from './event-codec.ts'

interface PositionOpened {
  event_id: string
  position_id: string
  opened_at: number
}

const text = JSON.stringify({
  type: 'record',
  name: 'PositionOpened',
  fields: [
    { name: 'event_id', type: 'string' },
    { name: 'position_id', type: 'string' },
    { name: 'opened_at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
})
const opened = { text, avro: avro.Type.forSchema(JSON.parse(text)) }
const config = { topic: 'pm.position-opened.v1', registry: { url: 'http://registry.test' } } as never

test('an event of another type is registered under its topic, framed, and comes back as it was', async () => {
  const registered: string[] = []
  const registry = {
    register: async (subject: string, schema: string) => {
      registered.push(subject, schema)
      return 7
    },
    writerType: async () => opened.avro,
  }
  const codec = createEventCodec<PositionOpened>(opened, config, { registry })
  const event = { event_id: 'e', position_id: 'p', opened_at: 5 }
  const bytes = await codec.encode(event)
  await codec.encode(event)
  expect([bytes[0], bytes.readInt32BE(1)]).toEqual([0, 7])
  expect(registered).toEqual(['pm.position-opened.v1-value', text])
  expect({ ...(await codec.decode(bytes)) }).toEqual(event)
  await expect(codec.encode({ ...event, position_id: 3 } as never)).rejects.toThrow(
    expect.objectContaining({ code: 'EVENT_INVALID', message: expect.stringContaining('position_id is 3') }),
  )
})

test('names of the first type are what its readers know', () => {
  expect(POSITION_CLOSED).toEqual({
    topic: 'pm.position-closed.v1',
    type: 'strandline.pm.position-closed.v1',
    schema: 'position-closed.avsc',
  })
  expect(schemaOf(POSITION_CLOSED).avro.name).toContain('PositionClosed')
})
