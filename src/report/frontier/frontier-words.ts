/** What a frontier over β is of, and how its differences are read. */
import { decisionLevel, seedsToDecide } from "../../analysis/conclusion.js";
import { curveNames, type PolicyTable } from "../../analysis/equal-kl/policy-table.js";
import type { CurveDifference } from "../../analysis/evaluation.js";
import { formatNumber, type NumberStyle } from "../../text/numbers.js";

/** `42 policies of 6 arms, seeds 100 and 101` */
export function policyWords({ policies }: PolicyTable): string {
  const arms = curveNames(policies).length;
  const seeds = [...new Set(policies.map(({ seed }) => seed))].sort((a, b) => a - b);
  return (
    `${policies.length} ${policies.length === 1 ? "policy" : "policies"} of ${arms} ` +
    `${arms === 1 ? "arm" : "arms"}, ${seeds.length === 1 ? "seed" : "seeds"} ${seeds.join(", ")}`
  );
}

/** Of the narrower of two curves, the part that both must cover before it goes without a word. */
const enoughOverlap = 0.5;

/** Which arms are compared over a small part of their KL only, or not at all, and what would mend it. */
export function overlapWords(
  differences: readonly CurveDifference[],
  style: NumberStyle,
): string[] {
  const arms = [...new Set(differences.map(({ a }) => a))];
  return arms.flatMap((arm) => {
    const { a, b, range, covered } = differences.find((row) => row.a === arm)!;
    if (covered === null) return [];
    const shared = range === null ? 0 : width(range);
    const narrower = Math.min(width(covered.a), width(covered.b));
    if (shared >= enoughOverlap * narrower) return [];
    const [lower, higher] =
      covered.a[0] + covered.a[1] < covered.b[0] + covered.b[1] ? [a, b] : [b, a];
    const nats = (value: number) => formatNumber(value, 1, style);
    const ends = (of: readonly [number, number]) => of.map(nats).join(" to ");
    return [
      `${a} covers ${ends(covered.a)} nats of KL and ${b} ${ends(covered.b)}, mean over seeds; ` +
        (range === null
          ? "the curves of all seeds have nothing in common, so there is no difference. "
          : `all curves share ${ends(range)}, so the difference is of that KL alone. `) +
        `For more, train ${higher} at a larger β too, or ${lower} at a smaller one.`,
    ];
  });
}

function width([low, high]: readonly [number, number]): number {
  return high - low;
}

/** How to read the table of differences. */
export function readingWords(differences: readonly CurveDifference[]): string[] {
  const seeds = Math.min(...differences.map((row) => row.seeds));
  return [
    "Curves of final policies over β, one for each seed, joined by straight lines; the difference is the " +
      "mean over the KL that all curves of both arms cover, paired by seed.",
    seeds < seedsToDecide
      ? `With fewer than ${seedsToDecide} seeds these are directions and decide nothing.`
      : `In brackets 95 % intervals over seeds; p after Holm over the table, * where under ${decisionLevel}; ` +
        "last, how many of the seeds have the difference's sign.",
  ];
}
