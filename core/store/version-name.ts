/** How a person names a model version: by its model (`lowcap-v4`), by the first digits of its hash (`3f9c1a`), either with `.r2` behind it for a build. */
import { type LearnerName, shortHash } from '../runner/consumer-names.ts'

/** Fewer digits of a hash name nothing. */
const HASH = /^([0-9a-f]{6,64})(?:\.r(\d+))?$/

/** As `strandline.names_version` has it. */
export function namesVersion(text: string, { model, hash, build }: LearnerName): boolean {
  if (text === model || text === `${model}.r${build}`) return true
  const [, digits, number] = HASH.exec(text) ?? []
  return digits !== undefined && hash.startsWith(digits) && (number === undefined || number === String(build))
}

/** For a sentence: `lowcap-v4 (3f9c1a2b4c5d.r2)`. */
export const versionLabel = (version: LearnerName): string => `${version.model} (${shortHash(version)})`
