/** Whether a key of an arm plays a part in what the arm does. */
import { riskTerms } from "../../risk/terms.js";
import type { KeyPath } from "../key-path.js";
import type { ArmConfig } from "../schema/experiment.js";

/**
 * False where another key switches it off (α of a measure that knows none, strata of prompts that
 * are drawn evenly), and where it is for arms of another kind.
 *
 * @param path of the key in the arm
 */
export function isInForce(
  { stage, risk, sampling }: ArmConfig,
  [section = "", key = ""]: KeyPath,
): boolean {
  if (section === "decoding") return stage === "decode";
  if (stage !== "rl") return ["reward", "rollout"].includes(section);
  if (section === "risk") {
    const terms: Readonly<Record<string, unknown>> = { ...riskTerms(risk) };
    return terms[key] !== null;
  }
  return section !== "sampling" || key === "strategy" || sampling.strategy !== "uniform";
}
