/** Why an address cannot be listened on, as a person caused it. */
import { StrandlineError } from './errors.ts'

/** CONFIG_INVALID for a host that this machine does not have, or a port that this user may not open; undefined for anything else, a taken port among it. */
export function cannotListen(
  cause: NodeJS.ErrnoException,
  host: string,
  port: number,
  portFlag: string,
): StrandlineError | undefined {
  if (cause.code === 'EACCES')
    return new StrandlineError('CONFIG_INVALID', `This user may not listen on port ${port} of ${host}.`, {
      todo: `Choose a port of 1024 or above with ${portFlag}.`,
      cause,
    })
  if (['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL'].includes(cause.code ?? ''))
    return new StrandlineError('CONFIG_INVALID', `${host} is no address of this machine: nothing can listen on it.`, {
      todo: 'Set STRANDLINE_HTTP_HOST to 127.0.0.1, or to an address that this machine has.',
      cause,
    })
  return undefined
}
