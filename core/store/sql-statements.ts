/** Splits a migration into its statements, as the Supabase CLI records them: trimmed, without the semicolon, comments kept. */
export function sqlStatements(sql: string): string[] {
  const statements: string[] = []
  let start = 0
  let hasCode = false
  let atomic = 0
  let i = 0
  const finish = (end: number) => {
    if (hasCode) statements.push(sql.slice(start, end).trim())
    start = end + 1
    hasCode = false
    atomic = 0
  }
  while (i < sql.length) {
    const skipped = skipCommentOrSpace(sql, i)
    if (skipped > i) {
      i = skipped
    } else if (sql[i] === ';' && atomic === 0) {
      finish(i)
      i++
    } else {
      hasCode = true
      const word = /^[a-z_]\w*/i.exec(sql.slice(i, i + 64))?.[0]
      if (word && !isQuotePrefix(sql, i, word)) {
        // The body of a SQL-standard function holds semicolons of its own; CASE closes with END as well.
        const before = sql.slice(Math.max(0, i - 16), i)
        if (/^atomic$/i.test(word) && /begin\s+$/i.test(before)) atomic = 1
        else if (atomic > 0 && /^case$/i.test(word)) atomic++
        else if (atomic > 0 && /^end$/i.test(word)) atomic--
        i += word.length
      } else i = skipToken(sql, i)
    }
  }
  finish(sql.length)
  return statements
}

function isQuotePrefix(sql: string, i: number, word: string): boolean {
  return /^e$/i.test(word) && sql[i + 1] === "'"
}

function skipCommentOrSpace(sql: string, i: number): number {
  if (/\s/.test(sql[i]!)) return i + 1
  if (sql.startsWith('--', i)) {
    const end = sql.indexOf('\n', i)
    return end < 0 ? sql.length : end
  }
  if (!sql.startsWith('/*', i)) return i
  let depth = 0
  for (let j = i; j < sql.length; j++) {
    if (sql.startsWith('/*', j)) depth++
    else if (sql.startsWith('*/', j)) depth--
    else continue
    j++
    if (depth === 0) return j + 1
  }
  return sql.length
}

/** Past one string, quoted name, dollar-quoted body or single character. */
function skipToken(sql: string, i: number): number {
  if (/^e'/i.test(sql.slice(i, i + 2)))
    return i + 1 + (/^'(?:[^'\\]|\\[\s\S]|'')*'/.exec(sql.slice(i + 1))?.[0].length ?? sql.length)
  const quote = sql[i]
  if (quote === "'" || quote === '"') {
    const end = sql.indexOf(quote, i + 1)
    return end < 0 ? sql.length : end + 1
  }
  const tag =
    quote === '$' && !/\w/.test(sql[i - 1] ?? '') ? /^\$(?:[a-z_]\w*)?\$/i.exec(sql.slice(i, i + 80))?.[0] : undefined
  if (!tag) return i + 1
  const end = sql.indexOf(tag, i + tag.length)
  return end < 0 ? sql.length : end + tag.length
}
