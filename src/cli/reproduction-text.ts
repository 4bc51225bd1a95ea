/** What `averse reproduce` found, in words. */
import type { EqualityTest } from "../experiment/equality-test.js";
import type { FirstDifference } from "../experiment/first-difference.js";
import type { Reproduction } from "../experiment/reproduction.js";
import type { EnvironmentDifference } from "../record/manifest-schema.js";
import { safeText } from "../report/safe-text.js";
import { gridLines } from "../report/text-grid.js";

/** @param differences known before anything runs */
export function environmentText(differences: readonly EnvironmentDifference[]): string {
  if (differences.length === 0) {
    return "Environment: no difference from the first run is known.";
  }
  const rows = differences.map(({ field, was, is }) => [
    `  ${safeText(field)}`,
    valueText(was),
    "→",
    valueText(is),
  ]);
  return ["Environment, then → now:", ...gridLines(rows, ["left", "left", "left", "left"])].join(
    "\n",
  );
}

export function verdictText(
  { verdict, first_difference: first, test }: Reproduction,
  original: string,
): string {
  const head =
    first === null
      ? `bitwise: all figures and models are those of ${original}.`
      : verdict === "diverged"
        ? `diverged ${placeText(first)}: ${differenceText(first)}.`
        : `statistically equal: first different ${placeText(first)} (${differenceText(first)}), but ` +
          "no trial's final rewards differ by more than chance.";
  return test === null ? head : `${head}\n\n${testText(test)}`;
}

function placeText({ trial, step, event, in: where }: FirstDifference): string {
  const what =
    event === "step"
      ? `at step ${step}`
      : event === "evaluation"
        ? `at the evaluation after ${step} iterations`
        : `at the ${event}`;
  return `${what} of ${trial}${where === "manifest" ? " (manifest)" : ""}`;
}

function differenceText({ field, was, is }: FirstDifference): string {
  return field === ""
    ? was === null
      ? "the first run has none"
      : "the second run has none"
    : `${safeText(field)} was ${valueText(was)}, is ${valueText(is)}`;
}

function testText({ name, level, trials }: EqualityTest): string {
  const rows = trials.map(({ trial, n, difference, interval, p, equal }) => [
    trial,
    `${n}`,
    difference.toPrecision(3),
    interval === null ? "–" : `[${interval.map((end) => end.toPrecision(3)).join(", ")}]`,
    p === null ? "–" : p.toPrecision(2),
    equal ? "" : "differs",
  ]);
  const width = Number((100 * (1 - level)).toPrecision(4));
  const title = ["trial", "prompts", "now − then", `${width} % interval`, "p", ""];
  const grid = gridLines([title, ...rows], ["left", "right", "right", "left", "right", "left"]);
  return [`${name}:`, ...grid].join("\n");
}

function valueText(value: unknown): string {
  return value === null
    ? "none"
    : typeof value === "string"
      ? safeText(value)
      : JSON.stringify(value);
}
