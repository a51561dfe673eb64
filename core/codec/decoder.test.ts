import { readdirSync, readFileSync } from 'node:fs'
import avro from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CheckedEvent, DecodeReason } from '../../domain/validation.ts'
import { closedTrade } from '../../test/support/closed-trade.ts'
import { DecodeError } from './codec.ts'
import { createDecoder } from './decoder.ts'
import { frame, positionClosedType, projectionOf } from './position-closed-codec.ts'
import type { RegistryClient } from './registry.ts'
import { AT_ONCE, unknownSchemaTimeout } from './unknown-schemas.ts'

const OURS = 7
const OTHER = 8
const other = avro.Type.forSchema({ type: 'record', name: 'Order', fields: [{ name: 'id', type: 'long' }] })

/** A registry that knows our schema and one of somebody else's, and counts what it is asked. */
function registry(): RegistryClient & { asked: number[] } {
  const asked: number[] = []
  return {
    asked,
    register: async () => OURS,
    async writerType(id) {
      asked.push(id)
      return id === OURS ? positionClosedType : id === OTHER ? other : null
    },
  }
}

const projection = projectionOf(['event_id', 'revision', 'voided', 'timeframe', 'closed_at', 'rr', 'levers', 'source'])
const body = positionClosedType.toBuffer(closedTrade({ regime_context: { macro: 'risk-on' } }))

async function reasonOf(value: Buffer | null, reader = positionClosedType): Promise<DecodeReason> {
  try {
    await createDecoder(registry(), reader, { unknownSchemas: AT_ONCE })(value)
  } catch (error) {
    if (error instanceof DecodeError) return error.reason
    throw error
  }
  throw new Error('it was decoded')
}

describe('a value that is an event', () => {
  it('comes back as it was written', async () => {
    const event = closedTrade({ rr: null, levers: { curator: 'ä|%', '': '' }, measures: { x: -0.1 } })
    expect(
      await createDecoder(registry(), positionClosedType)(frame(OURS, positionClosedType.toBuffer(event))),
    ).toEqual(event)
  })

  it('is read in part where the reader asks for a part', async () => {
    const event = (await createDecoder<CheckedEvent>(registry(), projection)(frame(OURS, body))) as object
    expect(Object.keys(event).sort()).toEqual(
      ['event_id', 'revision', 'voided', 'timeframe', 'closed_at', 'rr', 'levers', 'source'].sort(),
    )
  })

  it('is decoded without a promise once its schema is known', async () => {
    const decode = createDecoder(registry(), positionClosedType)
    expect(decode(frame(OURS, body))).toBeInstanceOf(Promise)
    await decode(frame(OURS, body))
    expect(decode(frame(OURS, body))).not.toBeInstanceOf(Promise)
  })
})

describe('a value that never was one', () => {
  it.each<[string, Buffer | null, DecodeReason]>([
    ['no value', null, 'empty_value'],
    ['an empty value', Buffer.alloc(0), 'empty_value'],
    ['a wrong magic byte', Buffer.from([1, 0, 0, 0, OURS, ...body]), 'bad_magic'],
    ['a header cut short', Buffer.from([0, 0, 0]), 'truncated'],
    ['a header without a body', Buffer.from([0, 0, 0, 0, OURS]), 'truncated'],
    ['a body cut short', frame(OURS, body.subarray(0, body.length - 1)), 'truncated'],
    ['a body cut within its first field', frame(OURS, body.subarray(0, 3)), 'truncated'],
    ['bytes after the end', frame(OURS, Buffer.concat([body, Buffer.from([0])])), 'not_avro'],
    ['a schema id that nobody registered', frame(99, body), 'unknown_schema'],
    ['a schema id that no registry gives', frame(-5, body), 'unknown_schema'],
    ['the schema of another record', frame(OTHER, other.toBuffer({ id: 1 })), 'unknown_schema'],
  ])('%s is refused with its reason', async (_, value, reason) => {
    expect(await reasonOf(value)).toBe(reason)
  })

  it('is not asked about again and again', async () => {
    const asked = registry()
    const decode = createDecoder(asked, positionClosedType, { unknownSchemas: AT_ONCE })
    for (let i = 0; i < 50; i++) await expect((async () => decode(frame(99, body)))()).rejects.toThrow(DecodeError)
    for (let i = 0; i < 50; i++) await expect((async () => decode(frame(OTHER, body)))()).rejects.toThrow(DecodeError)
    expect(asked.asked).toEqual([99, OTHER])
  })

  it('with an id that cannot exist does not reach the registry', async () => {
    const asked = registry()
    await expect((async () => createDecoder(asked, positionClosedType)(frame(-1, body)))()).rejects.toThrow(DecodeError)
    expect(asked.asked).toEqual([])
  })
})

describe('regression: a schema that the registry does not know yet', () => {
  it('is waited for, and its records are read once it is there', async () => {
    let now = 0
    let known = false
    const client: RegistryClient = {
      register: async () => OURS,
      writerType: async () => (known ? positionClosedType : null),
    }
    const decode = createDecoder(client, positionClosedType, { now: () => now })
    const codeOf = async () => {
      try {
        await decode(frame(OURS, body))
      } catch (error) {
        return error instanceof DecodeError ? error.reason : (error as { code?: string }).code
      }
      return 'read'
    }
    for (; now < 119_000; now += 500) expect(await codeOf()).toBe('REGISTRY_SCHEMA_UNKNOWN')
    known = true
    now += 2_000
    expect(await codeOf()).toBe('read')
  })

  it('is refused when it never comes, after two minutes', async () => {
    let now = 0
    const decode = createDecoder(registry(), positionClosedType, {
      now: () => now,
      unknownSchemas: unknownSchemaTimeout(),
    })
    const tried = async () => decode(frame(99, body))
    for (; now < 120_000; now += 500)
      await expect(tried()).rejects.toMatchObject({ code: 'REGISTRY_SCHEMA_UNKNOWN', message: /schema 99, since 1970/ })
    await expect(tried()).rejects.toMatchObject({ reason: 'unknown_schema' })
  })
})

describe('regression: a registry that has something else under an id', () => {
  const order = frame(OTHER, other.toBuffer({ id: 1 }))
  const outcome = async (decode: ReturnType<typeof createDecoder<unknown>>, value: Buffer) => {
    try {
      await decode(value)
    } catch (error) {
      return error instanceof DecodeError ? error.message : (error as { code?: string }).code
    }
    return 'read'
  }

  it('and none of ours yet may be another one: the record waits, for two minutes', async () => {
    let now = 0
    const decode = createDecoder<unknown>(registry(), positionClosedType, { now: () => now })
    for (; now < 120_000; now += 500) expect(await outcome(decode, order)).toBe('REGISTRY_SCHEMA_UNKNOWN')
    expect(await outcome(decode, order)).toBe('the registry has schema 8 of something else')
  })

  it('and has had one of ours is the one: the record is refused at once, and so is one that waited', async () => {
    let now = 0
    const decode = createDecoder<unknown>(registry(), positionClosedType, { now: () => now })
    expect(await outcome(decode, order)).toBe('REGISTRY_SCHEMA_UNKNOWN')
    expect(await outcome(decode, frame(OURS, body))).toBe('read')
    now += 2_000
    expect(await outcome(decode, order)).toBe('schema 8 is not one of a PositionClosed')
  })
})

describe('many schemas that are not known yet', () => {
  it('are asked after at once, each one time', async () => {
    const asked = new Map<number, number>()
    let open = 0
    let most = 0
    const client: RegistryClient = {
      register: async () => OURS,
      async writerType(id) {
        asked.set(id, (asked.get(id) ?? 0) + 1)
        most = Math.max(most, ++open)
        await new Promise((resolve) => setImmediate(resolve))
        open--
        return null
      },
    }
    const decode = createDecoder(client, positionClosedType, { now: () => 0 })
    const values = Array.from({ length: 200 }, (_, i) => frame(i % 100, body))
    await decode.ahead?.([...values, null, Buffer.alloc(0), Buffer.from([1, 2, 3, 4, 5, 6])])
    for (const value of values) await expect((async () => decode(value))()).rejects.toThrow('does not know')
    expect(asked).toEqual(new Map(Array.from({ length: 100 }, (_, id) => [id, 1])))
    expect(most).toBe(16)
  })
})

describe('a registry that gives no answer', () => {
  it('is no reason to refuse the value', async () => {
    let up = false
    const decode = createDecoder(
      {
        register: async () => OURS,
        writerType: async () => {
          if (!up) throw new Error('no answer')
          return positionClosedType
        },
      },
      positionClosedType,
    )
    await expect((async () => decode(frame(OURS, body)))()).rejects.toThrow('no answer')
    up = true
    expect(await decode(frame(OURS, body))).toEqual(positionClosedType.fromBuffer(body))
  })
})

// Ten-byte varints that say "2^53 entries follow". A decoder that believes them does not come back for years.
const HUGE = Buffer.from([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])
const HUGE_NEGATIVE = Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])

describe('a map that claims more entries than the record has bytes', () => {
  const levers = closedTrade({ levers: {}, measures: {}, regime_context: {}, source: '' })
  const empty = positionClosedType.toBuffer(levers)
  const fixed = empty.subarray(0, empty.length - 4) // then: levers, measures, regime_context, source

  it.each([
    ['levers', Buffer.concat([fixed, HUGE])],
    ['levers, with a block size', Buffer.concat([fixed, HUGE_NEGATIVE, Buffer.from([2])])],
    ['measures', Buffer.concat([fixed, Buffer.from([0]), HUGE])],
    ['regime_context, which is skipped', Buffer.concat([fixed, Buffer.from([0, 0]), HUGE])],
    ['regime_context, with a block that ends before it begins', Buffer.concat([fixed, Buffer.from([0, 0, 1, 1])])],
  ])('%s is refused at once', async (_, bytes) => {
    for (const reader of [positionClosedType, projection])
      expect(['truncated', 'not_avro']).toContain(await reasonOf(frame(OURS, bytes), reader))
  })
})

describe('garbage behind a good header', () => {
  it('is refused or read, and never hangs', async () => {
    const decode = createDecoder(registry(), projection)
    await decode(frame(OURS, body))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(body.length), (noise, keep) => {
        try {
          decode(frame(OURS, Buffer.concat([body.subarray(0, keep), noise])))
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 20_000 },
    )
  })
})

describe('the released schemas', () => {
  const dir = new URL('../../schemas/released/', import.meta.url)
  const versions = readdirSync(dir)
    .map((file) => ({ file, version: Number(/^position-closed\.v(\d+)\.avsc$/.exec(file)?.[1]) }))
    .sort((a, b) => a.version - b.version)
  const schemaOf = (file: string) => JSON.parse(readFileSync(new URL(file, dir), 'utf8'))
  const current = JSON.parse(readFileSync(new URL('../../schemas/position-closed.avsc', import.meta.url), 'utf8'))

  it('are numbered without a gap', () => {
    expect(versions.map((v) => v.version)).toEqual(versions.map((_, i) => i + 1))
    expect(versions.length).toBeGreaterThan(0)
  })

  it('end with the one that producers write: a change of position-closed.avsc is released as a new version', () => {
    expect(schemaOf(versions.at(-1)!.file)).toEqual(current)
  })

  it.each(versions)('$file is compatible with all the others, in both directions', ({ file }) => {
    const one = avro.Type.forSchema(schemaOf(file))
    for (const v of versions) {
      const another = avro.Type.forSchema(schemaOf(v.file))
      expect(() => one.createResolver(another), `${file} reads ${v.file}`).not.toThrow()
      expect(() => another.createResolver(one), `${v.file} reads ${file}`).not.toThrow()
    }
    expect(() => one.createResolver(positionClosedType)).not.toThrow()
    expect(() => positionClosedType.createResolver(one)).not.toThrow()
  })

  it.each(versions)('$file: what was written under it is read as it was, what it has not is null', async ({ file }) => {
    const writer = avro.Type.forSchema(schemaOf(file))
    const numbers = { net_return: 0.4, fees: 0.2, stake: 2, risk_at_entry: 0.05, provisional: true }
    const event = closedTrade({ ...numbers, regime_context: { macro: 'risk-on' } })
    const decode = createDecoder({ register: async () => OURS, writerType: async () => writer }, positionClosedType)
    const had = new Set(schemaOf(file).fields.map((f: { name: string }) => f.name))
    expect(await decode(frame(OURS, writer.toBuffer(event)))).toEqual(
      Object.fromEntries(Object.entries(event).map(([name, value]) => [name, had.has(name) ? value : null])),
    )
  })

  it.each(versions)('$file reads what producers write, but for what it does not know', ({ file }) => {
    const reader = avro.Type.forSchema(schemaOf(file))
    const event = closedTrade({ net_return: 0.4, provisional: false })
    const read = reader.fromBuffer(positionClosedType.toBuffer(event), reader.createResolver(positionClosedType))
    expect(event).toMatchObject({ ...read })
    expect(Object.keys(read)).toEqual(schemaOf(file).fields.map((f: { name: string }) => f.name))
  })

  it('fail this check when a field without a default is added or taken away', () => {
    const more = structuredClone(current)
    more.fields.push({ name: 'fee', type: 'double' })
    expect(() => avro.Type.forSchema(more).createResolver(positionClosedType)).toThrow()
    const less = structuredClone(current)
    less.fields = less.fields.filter((f: { name: string }) => f.name !== 'trade_id')
    expect(() => positionClosedType.createResolver(avro.Type.forSchema(less))).toThrow()
  })
})
