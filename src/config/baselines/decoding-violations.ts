/** The keys of `decoding` that must fit together. */
import type { Violation } from "../problems.js";
import { decodingSchema } from "../schema/decoding.js";
import type { ArmConfig } from "../schema/experiment.js";

/** @param arm of the stage `decode` */
export function decodingViolations({ decoding }: Pick<ArmConfig, "decoding">): Violation[] {
  const { best_of, instruction, expert, anti_expert } = decoding;
  if ((expert === null) !== (anti_expert === null)) {
    const [given, missing] =
      expert === null ? ["anti_expert", "expert"] : ["expert", "anti_expert"];
    return [
      {
        keys: [`decoding.${given}`, `decoding.${missing}`],
        found: `decoding.${given} without decoding.${missing}`,
        expected: "both: the difference of their logits is added",
        remedy: `Name a language model in decoding.${missing}.`,
      },
    ];
  }
  if (expert !== null) return [];
  if (best_of === 1 && instruction === null) {
    return [
      {
        keys: ["decoding.best_of", "decoding.instruction", "decoding.expert"],
        found: "decoding that changes nothing",
        expected: "best_of over 1, an instruction, or expert and anti_expert",
        remedy: "Set one of them, or use the arm sft or base.",
      },
    ];
  }
  const defaults = decodingSchema.parse({});
  const idle = (["strength", "filter_p"] as const).find((key) => decoding[key] !== defaults[key]);
  if (idle === undefined) return [];
  return [
    {
      keys: [`decoding.${idle}`],
      found: `decoding.${idle} without experts`,
      expected: "decoding.expert and decoding.anti_expert beside it",
      remedy: "Name both models, or leave it out.",
    },
  ];
}
