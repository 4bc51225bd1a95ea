/** A run's conclusion in plain sentences: what the figures say, and no more. */
import { decisionLevel } from "../analysis/conclusion.js";
import type { Conclusion } from "../analysis/evaluation.js";
import { divergenceText } from "../text/divergence.js";
import { formatNumber, formatSigned } from "../text/numbers.js";
import { promptFloorText } from "../text/score-preview.js";
import { powerText } from "./comparison-words.js";
import { metricColumnOf } from "./metric-columns.js";

/**
 * What happened to the tail, and whether risk aversion did it. Where no arm was trained with RL
 * (`averse evaluate`, SFT alone) there is nothing to say of the second.
 */
export function conclusionLines(conclusion: Conclusion): string[] {
  const harm = harmLine(conclusion);
  return conclusion.headline.arm === null ? [harm] : [harm, neutralLine(conclusion)];
}

/** Of one kind, that are told one by one: a sweep may have as many as it has arms. */
const mostAlike = 6;

/** What keeps a reader from believing the figures too much; empty: nothing. */
export function cautionLines({ cautions, not_comparable }: Conclusion): string[] {
  const kinds = [...new Set(cautions.map(({ kind }) => kind))];
  return [
    ...kinds.flatMap((kind) =>
      firstOf(cautions.filter((one) => one.kind === kind).map(cautionText)),
    ),
    ...firstOf(not_comparable.map(incomparableText)),
  ];
}

function firstOf(lines: readonly string[]): string[] {
  const more = lines.length - mostAlike;
  return more <= 0
    ? [...lines]
    : [...lines.slice(0, mostAlike), `${more} more of this kind: evaluation.json lists them.`];
}

function harmLine({ headline, start, end }: Conclusion): string {
  if (headline.arm === null) {
    return start === null
      ? "No arm was evaluated."
      : `No arm was trained with RL. ${figures(start)} with ${start.arm}.`;
  }
  if (end === null) {
    return `The headline arm ${headline.arm} has not been evaluated${ruleText(headline)}.`;
  }
  if (start === null) {
    return (
      `${figures(end)} with ${end.arm}${ruleText(headline)}. ` +
      "Neither the base model nor SFT was evaluated to compare with."
    );
  }
  const tails = `${reward(start.tail_reward)} → ${reward(end.tail_reward)}`;
  if (start.harm_rate === null || end.harm_rate === null) {
    return `Tail reward: ${tails} with ${start.arm} → ${end.arm}${ruleText(headline)}.`;
  }
  const change = end.harm_rate / start.harm_rate - 1;
  const relative = Number.isFinite(change) ? ` (${formatSigned(100 * change, 0)} %)` : "";
  return (
    `Harm rate: ${rate(start.harm_rate)} with ${start.arm} → ${rate(end.harm_rate)} with ` +
    `${end.arm}${relative}; tail reward ${tails}${ruleText(headline)}.`
  );
}

function figures({ harm_rate, tail_reward }: NonNullable<Conclusion["start"]>): string {
  const harm = harm_rate === null ? "" : `Harm rate ${rate(harm_rate)}, `;
  return `${harm}${harm === "" ? "Tail" : "tail"} reward ${reward(tail_reward)}`;
}

/** Candidates for the headline that are named; a sweep has many. */
const mostNamed = 4;

/** Which arm is spoken of, where it could have been another. */
function ruleText({ rule, candidates }: Conclusion["headline"]): string {
  if (candidates.length < 2) {
    return "";
  }
  const kind = rule === "first-averse" ? "risk-averse arms" : "arms";
  const why =
    rule === "configured" ? "evaluation.headline names it" : "the first in the configuration";
  const named = candidates.slice(0, mostNamed).join(", ");
  const more = candidates.length > mostNamed ? ", …" : "";
  return ` (${why}, of ${candidates.length} ${kind}: ${named}${more})`;
}

function neutralLine({ headline, against_neutral: found }: Conclusion): string {
  const head = "Risk-averse against risk-neutral: ";
  switch (found.missing) {
    case "averse":
      return headline.rule === "first-trained"
        ? `${head}no risk-averse arm was run, nothing to compare.`
        : `${head}${headline.arm} was not evaluated, or is not risk-averse: nothing to compare.`;
    case "neutral":
      return `${head}no risk-neutral arm was run, nothing to compare.`;
    case "pairs":
      return `${head}${headline.arm} has no seed in common with a risk-neutral arm on the same scale.`;
    case null:
  }
  if (found.differences.length === 0) {
    return `${head}${undecidedText(found)}`;
  }
  const where = found.at === "equal-kl" ? "at equal KL" : "at equal iterations (KL not matched)";
  const each = found.differences.map(
    ({ against, difference, ci95: [low, high], verdict, p, power }) => {
      const figure = `over ${against} ${signed(difference)} [${signed(low)}, ${signed(high)}] `;
      // Where the difference alone would be decided, it is no lack of seeds.
      const alone = p !== null && p < decisionLevel;
      const needed = power === null || alone ? "" : powerText(power, "tail_reward");
      return verdict === "undecided"
        ? `${figure}not decided${needed === "" ? "" : ` (${needed})`}`
        : `${figure}${verdict}`;
    },
  );
  const several =
    found.differences.length > 1
      ? `; decided at 5 % over all ${found.differences.length} together, Holm`
      : "";
  return (
    `${head}tail reward of ${headline.arm} ${where}: ${each.join("; ")}. ` +
    `(${found.seeds} seeds, 95 % intervals paired by seed${several})`
  );
}

/** Why no difference is shown, and what would decide it. */
export function undecidedText(found: Conclusion["against_neutral"]): string {
  const { seeds, seeds_needed: needed } = found;
  const enough = Array.from({ length: needed }, (_, seed) => seed).join(",");
  return (
    `${seeds} ${seeds === 1 ? "seed is" : "seeds are"} too few to decide, so no difference is shown. ` +
    `At least ${needed} are needed (--set seeds=${enough})` +
    (found.at === "equal-kl" ? "." : ", and evaluation.every above 0 to compare at equal KL.")
  );
}

function cautionText(caution: Conclusion["cautions"][number]): string {
  switch (caution.kind) {
    case "perplexity":
    case "kl":
      return `${caution.trial} has diverged: ${divergenceText(caution)}`;
    case "overlap":
      return (
        `${caution.overlap} of ${caution.test} test texts overlap with the training set: ` +
        "figures on them are not held out"
      );
    case "prompt-floor":
      return promptFloorText(caution.component, caution.fraction, caution.tail_fraction);
    case "few-prompts":
      return (
        `${caution.arm} trains on ${caution.prompts} prompts, fewer than the ` +
        `${caution.batch} of an iteration: each iteration draws some of them more than once`
      );
    case "kl-place":
      return (
        `${caution.arm} has its KL as a loss, ${caution.neutral.join(", ")} in the return: the difference may be ` +
        "the KL's place and not risk aversion; the arm kl-loss would tell"
      );
    case "few-in-tail": {
      const [where, key] =
        caution.of === "final" ? ["", "prompts"] : [" along the frontier", "every_prompts"];
      return (
        `${metricColumnOf(caution.metric)!.title}${where} is a mean over only ${caution.episodes} ` +
        `${caution.episodes === 1 ? "episode" : "episodes"}: evaluate more test prompts (evaluation.${key})`
      );
    }
  }
}

function incomparableText({ a, b, keys }: Conclusion["not_comparable"][number]): string {
  return `${a} and ${b} are not comparable: they differ in ${keys.join(", ")}`;
}

function rate(value: number | null): string {
  return formatNumber(value, 3);
}

function reward(value: number | null): string {
  return formatNumber(value, 2);
}

function signed(value: number): string {
  return formatSigned(value, 2);
}
