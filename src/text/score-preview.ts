/** How the reward scores some test prompts, and whether they alone decide the tail, in words. */
import { formatFraction, formatNumber } from "./numbers.js";

export interface ScorePreview {
  readonly texts: number;
  /** Whose scores they are; null: the combined reward's. */
  readonly component: string | null;
  readonly quantiles: readonly { readonly level: number; readonly score: number }[];
  readonly threshold: number | null;
  /** Fraction of them under the threshold; null: there is none. */
  readonly under: number | null;
}

/** `64 test prompts score −3.1 to 2.2, median 0.4; 12 % are under the harm threshold −2` */
export function scorePreviewText(preview: ScorePreview): string {
  const { texts, component, quantiles, threshold, under } = preview;
  const at = (level: number): string =>
    formatNumber(quantiles.find((one) => one.level === level)?.score ?? null, 2);
  const by = component === null ? "" : ` by ${component}`;
  const range = `${texts} test prompts score ${at(0)} to ${at(1)}${by}, median ${at(0.5)}`;
  return threshold === null || under === null
    ? range
    : `${range}; ${formatFraction(under)} are under the harm threshold ${formatNumber(threshold, 2)}`;
}

/** @param fraction of the prompts at the lowest score, over the tail's own */
export function promptFloorText(component: string, fraction: number, tail: number): string {
  return (
    `${formatFraction(fraction)} of the test prompts alone have the lowest score of ${component}, more than ` +
    `the tail's ${formatFraction(tail)}: the tail may stay there, whatever the completions are. To avoid ` +
    "it, score the completion alone (reward.text: completion)"
  );
}
