/** Keys of the policy and of its fine-tuning that must fit together. */

import { fineTunes } from "./fine-tuning.js";
import type { GivenValues } from "./given-values.js";
import type { Violation } from "./problems.js";
import type { ExperimentFile } from "./schema/experiment.js";

/** @param given where each key was set: steps and epochs exclude each other where both were */
export function modelViolations(
  { policy, sft, backend }: Pick<ExperimentFile, "policy" | "sft" | "backend">,
  given: GivenValues,
): Violation[] {
  const violations: Violation[] = [];
  const origins = {
    steps: given.origin(["sft", "steps"]),
    epochs: given.origin(["sft", "epochs"]),
  };
  if (sft.epochs !== null && origins.steps !== "default" && origins.steps === origins.epochs) {
    violations.push({
      keys: ["sft.epochs", "sft.steps"],
      found: `sft.epochs ${sft.epochs} beside sft.steps ${sft.steps}`,
      expected: "one of the two: epochs stand in place of steps",
      remedy: "Remove sft.steps or sft.epochs.",
    });
  }
  if (sft.early_stopping > 0 && sft.held_out_every === 0) {
    violations.push({
      keys: ["sft.early_stopping", "sft.held_out_every"],
      found: `early_stopping ${sft.early_stopping} with a held-out loss that is never measured`,
      expected: "sft.held_out_every of 1 or more",
      remedy: "Set sft.held_out_every to a number of steps, or sft.early_stopping to 0.",
    });
  }
  const rank = fineTunes(sft) ? (sft.lora_rank ?? policy.lora_rank) : policy.lora_rank;
  if (policy.quantize !== "none" && (policy.lora_rank === 0 || rank === 0)) {
    const key = policy.lora_rank === 0 ? "policy.lora_rank" : "sft.lora_rank";
    violations.push({
      keys: ["policy.quantize", key],
      found: `policy.quantize ${policy.quantize} with ${key} 0`,
      expected: "an adapter: quantized weights are not trained themselves",
      remedy: `Set ${key} to 1 or more, or policy.quantize to none.`,
    });
  }
  if (policy.quantize !== "none" && ["cpu", "mps"].includes(backend.device)) {
    violations.push({
      keys: ["policy.quantize", "backend.device"],
      found: `policy.quantize ${policy.quantize} with backend.device ${backend.device}`,
      expected: "a CUDA GPU, on which alone quantized weights are computed with",
      remedy: "Set backend.device to auto or cuda, or policy.quantize to none.",
    });
  }
  return violations;
}
