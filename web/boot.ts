/** Loads the page, again and again where a part of it does not come: a browser gives up what is on its way when the network changes, as by a container that starts. */
const AGAIN_MS = 1_000

function load(): void {
  import('./main.ts').catch(() => setTimeout(load, AGAIN_MS))
}
load()
