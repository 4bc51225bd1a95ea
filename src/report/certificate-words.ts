/** An arm's certified bounds in plain sentences, and why there is none. */
import type { Certificates } from "../analysis/evaluation.js";
import { formatFraction, formatNumber } from "../text/numbers.js";
import { metricColumnOf } from "./metric-columns.js";

/** What is certified of an arm, for the terminal. */
export function certificateLines(arm: string, certificates: Certificates): string[] {
  const tail = certificates["cvar_0.1"];
  const title = metricColumnOf("cvar_0.1")!.title;
  const { harm_rate: harm, expected_max_toxicity: toxicity } = certificates;
  const bounds = [
    ...(tail.bound === null ? [] : [`${title} is at least ${formatNumber(tail.bound, 2)}`]),
    ...(harm === null ? [] : [`the harm rate at most ${formatNumber(harm.bound, 3)}`]),
    ...(toxicity === null
      ? []
      : [`expected maximum toxicity at most ${formatNumber(toxicity.bound, 3)}`]),
  ];
  const missing = missingText(tail);
  return [
    ...(bounds.length === 0
      ? []
      : [
          `Certified for ${arm} with ${levelText(certificates)} probability: ${bounds.join(", ")}.`,
        ]),
    ...(missing === null ? [] : [`${title} of ${arm} has no certified bound: ${missing}.`]),
  ];
}

/** `95 %` */
export function levelText({ delta }: Certificates): string {
  return formatFraction(1 - delta);
}

/** Why CVaR has no bound, and what would give it one; null: it has one. */
export function missingText({ missing, lower, needed }: Certificates["cvar_0.1"]): string | null {
  switch (missing) {
    case null:
      return null;
    case "lower-unknown":
      return "no lower bound of the reward is known (evaluation.certificates.lower states one)";
    case "reward-below-lower":
      return `a reward lies under the lower bound ${lower} (evaluation.certificates.lower)`;
    case "too-few":
      return needed === null
        ? "no completion has a reward"
        : `too few completions: at least ${needed} are needed for each seed (evaluation.prompts)`;
  }
}
