/** What follows from the section `sft`; apart from its schema, for lists of runs load no schema library. */
import type { SftConfig } from "./schema/sft.js";

/** Whether there is anything to fine-tune. */
export function fineTunes({ steps, epochs }: Pick<SftConfig, "steps" | "epochs">): boolean {
  return epochs !== null || steps > 0;
}
