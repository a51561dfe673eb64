/** What others wrote, so that a terminal only shows it: it moves no cursor, changes no colour and no direction of writing. */
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** What a terminal would act on as `\n`, `\u001b`, …. */
export const escaped = (text: string): string =>
  text.replaceAll(ACTIVE, (c) => SHORT[c] ?? [...Array(c.length).keys()].map((i) => unit(c, i)).join(''))

const SHORT: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
const unit = (c: string, i: number) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`

/** A text in quotes, as JSON has it. */
export const quoted = (text: string): string => escaped(JSON.stringify(text))

/** JSON that is as safe to look at: the same to whoever parses it. */
export const safeJson = (value: unknown): string => escaped(JSON.stringify(value))
