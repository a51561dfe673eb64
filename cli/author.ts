/** Who sits here, for whoever looks at what was done. */
import { hostname, userInfo } from 'node:os'

export const person = (): string => `${userName()}@${hostname()}`

/** In a container the user may have a number and no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'somebody')
  }
}
