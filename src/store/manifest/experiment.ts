import type { Experiment } from "../../config/schema/experiment.js";
import type { Manifest } from "./schema.js";

/**
 * The experiment that a run is of. No schema reads it again, which lists, too, would have to load:
 * this program wrote it, from a checked configuration, and the manifest's seal vouches for it.
 */
export function experimentOf({ config }: Pick<Manifest, "config">): Experiment {
  return config as unknown as Experiment;
}
