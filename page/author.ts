/** Who did it, for whoever looks at it later: a token says no name, so it is the page, and where that runs. */
import { hostname } from 'node:os'

export const pageAuthor = (): string => `page@${hostname()}`
