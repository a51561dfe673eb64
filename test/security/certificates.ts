/** A certificate authority and a broker's certificate, made by openssl; valid for two days. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Certificates {
  /** PEM file of the authority: what a client trusts. */
  caFile: string
  /** PEM texts of the broker's key, and of its certificate for 127.0.0.1 and localhost. */
  key: string
  certificate: string
}

/** Makes both in `dir`; `authority` names the files and the authority. */
export async function makeCertificates(dir: string, authority: string): Promise<Certificates> {
  const at = (file: string) => join(dir, `${authority}-${file}`)
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  await openssl(
    'req',
    '-x509',
    ...newKey,
    ...['-keyout', at('ca.key'), '-out', at('ca.pem'), '-days', '2', '-subj', `/CN=${authority}`],
  )
  await openssl('req', ...newKey, '-keyout', at('broker.key'), '-out', at('broker.csr'), '-subj', '/CN=localhost')
  await writeFile(at('broker.ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n')
  await openssl(
    'x509',
    '-req',
    ...['-in', at('broker.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'],
    ...['-out', at('broker.pem'), '-days', '2', '-extfile', at('broker.ext')],
  )
  return {
    caFile: at('ca.pem'),
    key: await readFile(at('broker.key'), 'utf8'),
    certificate: await readFile(at('broker.pem'), 'utf8'),
  }
}
