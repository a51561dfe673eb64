/** Which model is folded once more. */
import { isModelFile, loadModel, modelNames, requireNoFile } from '../../core/load-model.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import type { Store } from '../../core/store/store.ts'
import { compileModel, type Model } from '../../domain/learning/model.ts'

/**
 * The model that is meant: a shipped one, a file, or that of a version; what readers see, where none is named; the configured one, where they see nothing.
 * @param files whether a file may be named: never to somebody who sits elsewhere
 * Errors: USAGE, MODEL_INVALID, STORE_UNREACHABLE.
 */
export async function modelToRebuild(
  store: Store,
  name: string | undefined,
  { configured, files }: { configured: string; files: boolean },
): Promise<Model> {
  if (!files)
    requireNoFile(name, 'Name a model that comes with Strandline or a version; ./strandline rebuild takes a file.')
  if (name !== undefined && (isModelFile(name) || modelNames().includes(name))) return loadModel(name)
  const version = await createCoefficientStore(store).version(name ?? null)
  return version ? compileModel(version.definition, version.hash) : loadModel(name ?? configured)
}
