/** What others wrote, so that nothing of it is unseen: a character that moves, hides or turns others is shown by its number. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
const SHORT: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** As the commands write it (cli/escaped.ts). */
export const visible = (text: string): string =>
  text.replaceAll(UNSEEN, (c) => SHORT[c] ?? [...Array(c.length).keys()].map((i) => unit(c, i)).join(''))

const unit = (c: string, i: number) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`
