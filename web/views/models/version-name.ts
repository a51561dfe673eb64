/** How a version is named: for a person by the beginning of its hash, for the server by all of it. */
import type { VersionName } from '../../../services/learner/promote.ts'

/** What tells it from others of its model, as the commands print it. */
export const shortHash = ({ hash, build }: Pick<VersionName, 'hash' | 'build'>): string =>
  build > 1 ? `${hash.slice(0, 12)}.r${build}` : hash.slice(0, 12)

/** It names this version alone. */
export const exactName = ({ hash, build }: Pick<VersionName, 'hash' | 'build'>): string =>
  `${hash.slice(0, 24)}.r${build}`

export const versionText = (version: VersionName): string => `${version.name} (${shortHash(version)})`
