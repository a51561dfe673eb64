/** Which version a person means. */
import { StrandlineError } from '../../core/errors.ts'
import { shortHash } from '../../core/runner/consumer-names.ts'
import { type ModelVersion, unknownModel } from '../../core/store/model-versions.ts'
import { namesVersion, versionLabel } from '../../core/store/version-name.ts'

/**
 * The version of this name (core/store/version-name.ts); of several builds, or definitions of one model over one topic, the newest.
 * Errors: USAGE (there is none, it means several models, or several topics).
 */
export function chooseVersion(all: readonly ModelVersion[], name: string, topic?: string): ModelVersion {
  return newest(matches(all, name, topic)) as ModelVersion
}

/** The same where a guess would cost something: a name that several versions have is refused. Errors: as of chooseVersion, and USAGE. */
export function chooseOnly(all: readonly ModelVersion[], name: string, topic?: string): ModelVersion {
  const [only, ...more] = matches(all, name, topic)
  if (more.length === 0) return only as ModelVersion
  throw new StrandlineError(
    'USAGE',
    `${name} may be ${[only as ModelVersion, ...more].map(versionLabel).join(', ')}.`,
    {
      todo: `Say which by hash and build, e.g. ${shortHash(more[0] as ModelVersion)}; .r1 is the first build.`,
    },
  )
}

/** All over one topic that a name means; at least one. */
function matches(all: readonly ModelVersion[], name: string, topic?: string): ModelVersion[] {
  const versions = all.filter((v) => !v.dropping)
  const exact = versions.filter((v) => v.model === name)
  const named = exact.length > 0 ? exact : versions.filter((v) => namesVersion(name, v))
  if (named.length === 0) throw unknownModel(name, versions)
  const models = [...new Set(named.map((v) => v.model))]
  if (models.length > 1)
    throw new StrandlineError('USAGE', `${name} may be ${named.map(versionLabel).join(', ')}.`, {
      todo: 'Give more of the hash.',
    })
  const topics = [...new Set(named.map((v) => v.topic))]
  if (topic === undefined && topics.length > 1)
    throw new StrandlineError('USAGE', `${name} learns from several topics: ${topics.join(', ')}.`, {
      todo: 'Name one with --topic.',
    })
  const found = named.filter((v) => v.topic === (topic ?? topics[0]))
  if (found.length === 0)
    throw new StrandlineError('USAGE', `${name} never learned from ${topic}, but from ${topics.join(', ')}.`, {
      todo: 'Name one of these with --topic.',
    })
  return found
}

/** Without a name: what is newer than what readers see, of the same model and log. Errors: USAGE where there is no such version. */
export function newerVersion(all: readonly ModelVersion[]): ModelVersion {
  const active = all.find((v) => v.active)
  if (!active)
    throw new StrandlineError('USAGE', 'No model has learned yet.', { todo: 'Start a learner: ./strandline up.' })
  const found = newest(
    all.filter(
      (v) =>
        !v.dropping && v.model === active.model && v.topic === active.topic && v.model_version > active.model_version,
    ),
  )
  if (found) return found
  throw new StrandlineError('USAGE', `There is nothing newer of ${active.model} than what readers see.`, {
    todo: 'Make a new version (./strandline rebuild), or name one: ./strandline models lists them.',
  })
}

const newest = (versions: ModelVersion[]): ModelVersion | undefined =>
  versions.sort((a, b) => b.model_version - a.model_version)[0]
