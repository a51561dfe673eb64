/** Server-sent events, out of what has come so far. Pure. */

export interface ServerEvent {
  name: string
  data: string
}

/** The whole events in it, and the beginning of the next one. A line ends at \n alone: whatever else ends lines elsewhere (U+2028) may be in a trade. */
export function eventsIn(text: string): { events: ServerEvent[]; rest: string } {
  const parts = text.split('\n\n')
  const rest = parts.pop() ?? ''
  const events = parts.flatMap((part) => {
    const fields = new Map(part.split('\n').map((line): [string, string] => fieldIn(line)))
    const [name, data] = [fields.get('event'), fields.get('data')]
    return name !== undefined && data !== undefined ? [{ name, data }] : []
  })
  return { events, rest }
}

function fieldIn(line: string): [name: string, value: string] {
  const at = line.indexOf(': ')
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 2)]
}
