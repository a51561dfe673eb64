/** Columns that grow: a million trades as objects would be a gigabyte. Pure. */

type Numbers = Float64Array | Int32Array | Uint32Array | Uint8Array

/** Numbers of one kind, one behind the other. */
export class NumberColumn<T extends Numbers> {
  #values: T
  #length: number

  /** @param values taken over, not copied; all of them count */
  constructor(values: T) {
    this.#values = values
    this.#length = values.length
  }

  get length(): number {
    return this.#length
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const Kind = this.#values.constructor as new (length: number) => T
      const larger = new Kind(Math.max(1_024, this.#length * 2))
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#length++] = value
  }

  at(index: number): number {
    return this.#values[index] as number
  }

  /** All numbers so far; valid until the next one is added. */
  values(): T {
    return this.#values.subarray(0, this.#length) as T
  }
}

export interface TextColumnState {
  bytes: Uint8Array
  ends: Float64Array
}

/** Texts as bytes of UTF-8: made a string only when they are asked for. */
export class TextColumn {
  #bytes: Uint8Array
  readonly #ends: NumberColumn<Float64Array>

  constructor({ bytes, ends }: TextColumnState = { bytes: new Uint8Array(), ends: new Float64Array() }) {
    this.#bytes = bytes
    this.#ends = new NumberColumn(ends)
  }

  push(text: string): void {
    const added = Buffer.from(text)
    const start = this.#end(this.#ends.length - 1)
    const end = start + added.length
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(1_024, end, this.#bytes.length * 2))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes.set(added, start)
    this.#ends.push(end)
  }

  at(index: number): string {
    const bytes = this.#bytes.subarray(this.#end(index - 1), this.#end(index))
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
  }

  state(): TextColumnState {
    return { bytes: this.#bytes.subarray(0, this.#end(this.#ends.length - 1)), ends: this.#ends.values() }
  }

  #end(index: number): number {
    return index < 0 ? 0 : this.#ends.at(index)
  }
}

/** Texts that come again and again, by number. */
export class Dictionary {
  readonly #texts: string[]
  #numbers: Map<string, number> | undefined

  /** @param texts taken over, not copied */
  constructor(texts: string[] = []) {
    this.#texts = texts
  }

  get length(): number {
    return this.#texts.length
  }

  /** The number of a text, which it gets where it has none. */
  numberOf(text: string): number {
    const numbers = this.#index()
    let number = numbers.get(text)
    if (number === undefined) {
      number = this.#texts.push(text) - 1
      numbers.set(text, number)
    }
    return number
  }

  find(text: string): number | undefined {
    return this.#index().get(text)
  }

  at(number: number): string {
    return this.#texts[number] as string
  }

  texts(): string[] {
    return this.#texts
  }

  #index(): Map<string, number> {
    this.#numbers ??= new Map(this.#texts.map((text, number) => [text, number]))
    return this.#numbers
  }
}
