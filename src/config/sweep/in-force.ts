/** Whether a key of an arm plays a part in what the arm does. */
import { riskMeasures, usesAlpha } from "../../risk/measures/registry.js";
import { promptSamplers } from "../../risk/samplers/registry.js";
import { riskTerms } from "../../risk/terms.js";
import type { KeyPath } from "../key-path.js";
import type { ArmConfig, RiskConfig } from "../schema/experiment.js";

/** Of any measure: what it alone reads. */
const ownSettings: ReadonlySet<string> = new Set(
  Object.values(riskMeasures).flatMap(({ settings }) => [...settings]),
);

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
  if (section === "risk") return isRiskKeyInForce(risk, key);
  return section !== "sampling" || isSamplingKeyInForce(sampling, key);
}

function isSamplingKeyInForce({ strategy }: ArmConfig["sampling"], key: string): boolean {
  if (key === "strategy") return true;
  if (key === "importance") return strategy !== "uniform";
  return (promptSamplers[strategy].reads as readonly string[]).includes(key);
}

function isRiskKeyInForce(risk: RiskConfig, key: string): boolean {
  const { settings, isMean } = riskMeasures[risk.measure];
  if (key === "measure") return true;
  if (ownSettings.has(key)) return (settings as readonly string[]).includes(key);
  if (isMean(risk)) return false;
  const terms: Readonly<Record<string, unknown>> = { ...riskTerms(risk) };
  // What terms do not tell of says how α' comes to α.
  return Object.hasOwn(terms, key) ? terms[key] !== null : usesAlpha(risk.measure);
}
