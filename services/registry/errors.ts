/** What a Confluent client expects when something is refused: HTTP status and the registry's own error code. */
export class RegistryError extends Error {
  readonly status: number
  readonly errorCode: number

  constructor(errorCode: number, message: string) {
    super(message)
    this.name = 'RegistryError'
    this.errorCode = errorCode
    this.status = errorCode > 999 ? Math.floor(errorCode / 100) : errorCode
  }
}

export const subjectNotFound = (subject: string) => new RegistryError(40401, `Subject '${subject}' not found.`)
export const versionNotFound = (version: number | string) => new RegistryError(40402, `Version ${version} not found.`)
export const schemaNotFound = () => new RegistryError(40403, 'Schema not found')
export const schemaIdNotFound = (id: number) => new RegistryError(40403, `Schema ${id} not found`)
export const subjectSoftDeleted = (subject: string) =>
  new RegistryError(40404, `Subject '${subject}' was soft deleted. Set permanent=true to delete permanently`)
export const subjectNotSoftDeleted = (subject: string) =>
  new RegistryError(40405, `Subject '${subject}' was not deleted first before being permanently deleted`)
export const versionSoftDeleted = (subject: string, version: number) =>
  new RegistryError(
    40406,
    `Subject '${subject}' Version ${version} was soft deleted. Set permanent=true to delete permanently`,
  )
export const versionNotSoftDeleted = (subject: string, version: number) =>
  new RegistryError(
    40407,
    `Subject '${subject}' Version ${version} was not deleted first before being permanently deleted`,
  )
export const noSubjectLevel = (subject: string) =>
  new RegistryError(40408, `Subject '${subject}' does not have subject-level compatibility configured`)
export const noSubjectMode = (subject: string) =>
  new RegistryError(40409, `Subject '${subject}' does not have subject-level mode configured`)
export const incompatible = (subject: string, why: string[]) =>
  new RegistryError(
    409,
    `Schema being registered is incompatible with an earlier schema for subject "${subject}", details: [${why.join('; ')}]`,
  )
export const invalidSchema = (why: string) => new RegistryError(42201, `Invalid schema: ${why.replace(/\s+/g, ' ')}`)
export const invalidVersion = (version: string) =>
  new RegistryError(
    42202,
    `The specified version '${version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
  )
export const invalidLevel = () =>
  new RegistryError(
    42203,
    'Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive',
  )
export const invalidMode = () =>
  new RegistryError(42204, 'Invalid mode. Valid values are READWRITE, READONLY and READONLY_OVERRIDE')
export const notPermitted = (why: string) => new RegistryError(42205, why)
export const referenceExists = (subject: string, version: number) =>
  new RegistryError(42206, `One or more references exist to the schema {subject=${subject},version=${version}}.`)
