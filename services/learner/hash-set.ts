/** A set of 32-bit hashes in five bytes or so each: what is not in it was never added; what is in it may be another of the same hash. */
export class HashSet {
  #slots = new Uint32Array(1_024)
  #size = 0

  add(hash: number): void {
    if (this.#put(hash)) this.#size++
    if (this.#size * 4 > this.#slots.length * 3) this.#grow()
  }

  has(hash: number): boolean {
    return this.#slots[this.#find(hash || 1)] !== 0
  }

  /** The slot of the hash, or the free one where it would be. 0 marks a free slot, so that a hash of 0 counts as 1. */
  #find(hash: number): number {
    const mask = this.#slots.length - 1
    let at = hash & mask
    while (this.#slots[at] !== 0 && this.#slots[at] !== hash) at = (at + 1) & mask
    return at
  }

  #put(hash: number): boolean {
    const at = this.#find(hash || 1)
    if (this.#slots[at] !== 0) return false
    this.#slots[at] = hash || 1
    return true
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Uint32Array(before.length * 2)
    for (const hash of before) if (hash !== 0) this.#put(hash)
  }
}

/** FNV-1a over the texts' UTF-16 units and the number, mixed once more (MurmurHash3's last step): its low bits alone would repeat. Unsigned, 32 bits. */
export function hashOf(name: string, key: string, period: number): number {
  let hash = addTo(addTo(addTo(0x811c9dc5, name), key), period)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function addTo(hash: number, part: string | number): number {
  let sum = hash
  if (typeof part === 'number') sum = Math.imul(sum ^ part, 0x01000193)
  else for (let i = 0; i < part.length; i++) sum = Math.imul(sum ^ part.charCodeAt(i), 0x01000193)
  return Math.imul(sum, 0x01000193) // where one ends and the next begins
}
