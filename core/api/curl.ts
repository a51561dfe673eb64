/** A request as a person types it. Pure. */

/** @param path with {names} in it, which get their examples */
export function curl(
  method: string,
  path: string,
  parameters: readonly { name: string; in: string; example: string }[],
  body?: unknown,
): string {
  const target = path.replace(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(parameters.find((p) => p.in === 'path' && p.name === name)?.example ?? name),
  )
  if (method === 'GET') return `curl -s "$URL${target}"`
  const json = JSON.stringify(body, null, 2).replaceAll("'", "'\\''")
  return `curl -s "$URL${target}" -H 'content-type: application/json' -d '${json}'`
}
