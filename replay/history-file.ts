/**
 * What was read out of a log, kept in a file so that the next command need not read it again: a cache. It is never trusted over the log (read-history.ts
 * compares), and one that is missing, damaged or of another version of this code is made anew.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { crc32 } from 'node:zlib'
import { cacheDir } from '../core/cache-dir.ts'
import { makeFolder } from '../core/make-folder.ts'
import type { LastRecord } from '../core/runner/last-record.ts'
import type { TradeHistoryState } from '../domain/history/trade-history.ts'

/** Raised whenever what is stored, or how events are read, changes. */
const FORMAT = 2
const CRC_BYTES = 4
/** A cache that was not asked for so long is of a log that is gone, or soon made again. */
const UNUSED_MS = 30 * 86_400_000

/** How far a partition was read. */
export interface ReadPartition {
  partition: number
  /** Offset of its first record when it was read. */
  start: number
  /** Where reading goes on. */
  next: number
  /** The last record below `next`; null: there was none. */
  last: LastRecord | null
}

export interface StoredHistory {
  partitions: ReadPartition[]
  state: TradeHistoryState
}

/** @param log what makes this log another one than all others */
export const historyFile = (log: string, modelHash: string, dir = join(cacheDir(), 'history')): string =>
  join(dir, `${createHash('sha256').update(log).digest('hex').slice(0, 16)}-${modelHash.slice(0, 16)}.v8`)

/** null: there is none that can be used. */
export async function loadHistory(file: string): Promise<StoredHistory | null> {
  try {
    const bytes = await readFile(file)
    if (bytes.readUInt32BE(0) !== crc32(bytes.subarray(CRC_BYTES))) return null
    const stored = deserialize(bytes.subarray(CRC_BYTES)) as StoredHistory & { format: number }
    if (stored.format !== FORMAT) return null
    await utimes(file, new Date(), new Date())
    return stored
  } catch {
    return null // it is made anew
  }
}

/** Whole or not at all. A cache that cannot be written costs time and nothing else: false. */
export async function storeHistory(file: string, history: StoredHistory): Promise<boolean> {
  const unfinished = `${file}.${process.pid}`
  try {
    const body = serialize({ format: FORMAT, ...history })
    const crc = Buffer.alloc(CRC_BYTES)
    crc.writeUInt32BE(crc32(body))
    await makeFolder(dirname(file))
    await writeFile(unfinished, Buffer.concat([crc, body]), { mode: 0o600 })
    await rename(unfinished, file)
    await removeUnused(dirname(file))
    return true
  } catch {
    await rm(unfinished, { force: true }).catch(() => undefined)
    return false
  }
}

async function removeUnused(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const file = join(dir, name)
    if ((await stat(file)).mtimeMs < Date.now() - UNUSED_MS) await rm(file, { force: true })
  }
}
