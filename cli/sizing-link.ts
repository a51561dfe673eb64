/** Where the page shows why a position would be so large. */

export interface SizingQuestion {
  context: Record<string, unknown>
  timeframe: string
  base: number
  min: number
  max: number
}

/** @param page its address, as STRANDLINE_PAGE_URL has it */
export function sizingLink(page: string, { context, timeframe, base, min, max }: SizingQuestion): string {
  const link = new URL('sizing', page.endsWith('/') ? page : `${page}/`)
  const query = { context: JSON.stringify(context), timeframe, base, min, max }
  for (const [name, value] of Object.entries(query)) link.searchParams.set(name, String(value))
  return link.href
}
