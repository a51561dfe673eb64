/** The container's HEALTHCHECK: exit 0 while the process in it answers /healthz. */
const url = `http://127.0.0.1:${process.env.STRANDLINE_HTTP_PORT ?? 7300}/healthz`
const answer = await fetch(url, { signal: AbortSignal.timeout(12_000) }).catch(() => undefined)
process.exit(answer?.ok ? 0 : 1)
