/**
 * The files of the page, as a browser gets them: those of web/ with their types taken out, and the libraries that they import. There is no build step, and
 * nothing comes from elsewhere.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire, stripTypeScriptTypes } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const WEB = fileURLToPath(new URL('../web', import.meta.url))

/** The page's views, each with an address of its own: all of them are the same document. */
export const VIEWS = [
  '/',
  '/coefficients',
  '/coefficient',
  '/sizing',
  '/verdict',
  '/dead-letters',
  '/models',
  '/trades',
]

/** What web/ imports by name, and where it lies in its package. */
const LIBRARIES: Record<string, string> = {
  preact: 'preact/dist/preact.mjs',
  'preact/hooks': 'preact/hooks/dist/hooks.mjs',
  htm: 'htm/dist/htm.mjs',
  'htm/preact': 'htm/preact/index.mjs',
  uplot: 'uplot/dist/uPlot.esm.js',
}
const STYLES: Record<string, string> = { '/vendor/uplot.css': 'uplot/dist/uPlot.min.css' }

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.ts': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

export interface Asset {
  type: string
  body: Buffer
  gzip: Buffer
  etag: string
}

/** All of them by path. */
export function loadAssets(): Map<string, Asset> {
  const assets = new Map<string, Asset>()
  for (const path of readdirSync(WEB, { recursive: true, encoding: 'utf8' })) {
    const type = TYPES[extname(path)]
    if (!type || path.endsWith('.test.ts')) continue
    const text = readFileSync(join(WEB, path), 'utf8')
    const asset = assetOf(type, path.endsWith('.ts') ? withPaths(stripTypeScriptTypes(text)) : text)
    if (path === 'index.html') for (const view of VIEWS) assets.set(view, asset)
    else assets.set(`/web/${path}`, asset)
  }
  for (const [name, file] of Object.entries(LIBRARIES))
    assets.set(libraryPath(name), assetOf(TYPES['.js'] as string, withPaths(readPackageFile(file))))
  for (const [path, file] of Object.entries(STYLES))
    assets.set(path, assetOf(TYPES['.css'] as string, readPackageFile(file)))
  return assets
}

const libraryPath = (name: string) => `/vendor/${name.replace('/', '-')}.js`

/** A browser knows no packages: what is imported by name is imported by path. */
function withPaths(code: string): string {
  return code.replace(
    /(\bfrom\s*|\bimport\s*\(?\s*)(["'])([a-z/]+)\2/g,
    (all, before: string, quote: string, name: string) =>
      name in LIBRARIES ? `${before}${quote}${libraryPath(name)}${quote}` : all,
  )
}

/** A package may not export the file by its path; where the package lies, it does say. */
function readPackageFile(file: string): string {
  const [name = '', ...path] = file.split('/')
  return readFileSync(join(packageFolder(name), ...path), 'utf8')
}

function packageFolder(name: string): string {
  let folder = dirname(createRequire(import.meta.url).resolve(name))
  while (!folder.endsWith(join('node_modules', name))) folder = dirname(folder)
  return folder
}

function assetOf(type: string, text: string): Asset {
  const body = Buffer.from(text.replace(/^\/\/# sourceMappingURL=.*$/m, ''))
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  return { type, body, gzip: gzipSync(body), etag }
}
