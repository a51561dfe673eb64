/** Contexts as requests carry them. */
import type { Schema } from './operation.ts'

const flat = (title: string, description: string, example: object): Schema => ({
  title,
  description,
  type: 'object',
  additionalProperties: {
    type: ['string', 'number', 'boolean', 'null'],
    description: 'a text or a number.',
  },
  examples: [example],
})

export const ENTRY_CONTEXT: Schema = flat(
  'Entry context',
  'one flat object of what was known at entry: texts are levers (curator, chain, …), numbers are measures (mcap_at_entry and vol_at_entry in USD, age_at_entry in days, risk_at_entry as a fraction of the entry price). Which fields are read is the model’s decision. A text has at most 2,000 bytes, all together 65,536.',
  { curator: '0xdetweiler', chain: 'base', mcap_at_entry: 1_500_000 },
)

export const REGIME_CONTEXT: Schema = flat(
  'Regime context',
  'one flat object about the market at entry, free form; at most 65,536 bytes.',
  { macro: 'risk-on' },
)
