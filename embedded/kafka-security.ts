/** Further listeners of the embedded Kafka, with TLS and passwords: what a managed cluster looks like to a client. */

export type SaslMechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'

export interface SecureListener {
  /** Capital letters and digits; must not be PLAINTEXT or CONTROLLER. */
  name: string
  port: number
  sasl?: {
    mechanisms: SaslMechanism[]
    /** Password by user name. SCRAM users are written when the storage is formatted, that is at the first start of a data folder. */
    users: Record<string, string>
  }
  tls?: {
    /** PEM texts. */
    key: string
    certificate: string
    /** Clients must show a certificate of this authority. */
    clientCa?: string
  }
}

export function listenerProtocol({ sasl, tls }: SecureListener): string {
  return sasl ? (tls ? 'SASL_SSL' : 'SASL_PLAINTEXT') : tls ? 'SSL' : 'PLAINTEXT'
}

/** Broker properties of one listener. */
export function listenerProperties({ name, sasl, tls }: SecureListener): Record<string, string> {
  const at = `listener.name.${name.toLowerCase()}`
  const out: Record<string, string> = {}
  if (sasl) {
    out[`${at}.sasl.enabled.mechanisms`] = sasl.mechanisms.join(',')
    for (const mechanism of sasl.mechanisms)
      out[`${at}.${mechanism.toLowerCase()}.sasl.jaas.config`] =
        mechanism === 'PLAIN'
          ? `org.apache.kafka.common.security.plain.PlainLoginModule required ${Object.entries(sasl.users)
              .map(([user, password]) => `user_${user}=${JSON.stringify(password)}`)
              .join(' ')};`
          : 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  }
  if (tls) {
    out[`${at}.ssl.keystore.type`] = 'PEM'
    out[`${at}.ssl.keystore.key`] = tls.key
    out[`${at}.ssl.keystore.certificate.chain`] = tls.certificate
    out[`${at}.ssl.client.auth`] = tls.clientCa ? 'required' : 'none'
    if (tls.clientCa) {
      out[`${at}.ssl.truststore.type`] = 'PEM'
      out[`${at}.ssl.truststore.certificates`] = tls.clientCa
    }
  }
  return out
}

/** Arguments for StorageTool that make the SCRAM users. */
export function scramArguments(listeners: SecureListener[]): string[] {
  return listeners.flatMap(({ sasl }) =>
    (sasl?.mechanisms ?? [])
      .filter((m) => m !== 'PLAIN')
      .flatMap((m) =>
        Object.entries(sasl!.users).flatMap(([user, password]) => [
          '--add-scram',
          `${m}=[name=${user},password=${password}]`,
        ]),
      ),
  )
}
