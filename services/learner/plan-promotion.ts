/** What a promotion would do, without doing it. */
import type { Clock } from '../../core/clock.ts'
import { createCoefficientStore } from '../../core/store/coefficient-store.ts'
import { createModelVersionStore } from '../../core/store/model-versions.ts'
import type { Store } from '../../core/store/store.ts'
import { type AskedLog, type Knows, requireCaughtUp } from './caught-up.ts'
import { chooseVersion, newerVersion } from './choose-version.ts'
import { type Preview, previewSwitch } from './preview.ts'
import { type PromoteOptions, type VersionName, versionName } from './promote.ts'

export interface PromotionPlan extends Knows, Preview {
  /** What readers see now; null: nothing. */
  from: VersionName | null
  to: VersionName
}

/** Errors: USAGE (no such version, or several), STORE_UNREACHABLE. */
export async function planPromotion(
  deps: { store: Store; log: AskedLog; clock: Clock },
  { name, topic }: PromoteOptions,
  counted?: (coefficients: number) => void,
): Promise<PromotionPlan> {
  const versions = await createModelVersionStore(deps.store).list()
  const to = name === undefined ? newerVersion(versions) : chooseVersion(versions, name, topic)
  const from = versions.find((v) => v.active) ?? null
  const known = await requireCaughtUp(deps, to, true)
  const preview = await previewSwitch(createCoefficientStore(deps.store), from, to, counted)
  return { from: from && versionName(from), to: versionName(to), ...known, ...preview }
}
