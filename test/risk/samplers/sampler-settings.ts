/** The schema's defaults, but for what a test changes. */
import { samplingSchema } from "../../../src/config/schema/sampling.js";
import type { SamplerSettings } from "../../../src/risk/samplers/prompt-sampler.js";

export function samplerSettings(changes: Partial<SamplerSettings> = {}): SamplerSettings {
  return { ...samplingSchema.parse({}), ...changes };
}
