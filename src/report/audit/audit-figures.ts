/** An audit's figures as texts: scores of any scale, with digits that fit them. */
import type { Interval } from "../../stats/intervals.js";
import { formatNumber, formatSigned, type NumberStyle } from "../../text/numbers.js";
import type { AuditDescription } from "./audit-description.js";

export class AuditFigures {
  readonly #digits: number;
  readonly #style: NumberStyle;

  constructor({ audit }: Pick<AuditDescription, "audit">, style: NumberStyle) {
    const arms = Object.values(audit.arms);
    const low = Math.min(...arms.map(({ lowest }) => lowest));
    const high = Math.max(...arms.map(({ highest }) => highest));
    const span = high > low ? high - low : Math.max(Math.abs(high), 1);
    // A ten-thousandth of what the scores span, at the coarsest a thousandth.
    this.#digits = Math.min(8, Math.max(0, 4 - Math.floor(Math.log10(span))));
    this.#style = style;
  }

  score(value: number | null): string {
    return formatNumber(value, this.#digits, this.#style);
  }

  difference(value: number): string {
    return formatSigned(value, this.#digits, this.#style);
  }

  interval(interval: Interval | null): string {
    return interval === null ? "" : `[${this.score(interval[0])}, ${this.score(interval[1])}]`;
  }

  rate(value: number | null): string {
    return value === null ? "–" : `${formatNumber(100 * value, 2, this.#style)} %`;
  }

  rateDifference(value: number): string {
    return `${formatSigned(100 * value, 2, this.#style)} %`;
  }

  rateInterval(interval: Interval | null): string {
    if (interval === null) return "";
    const [low, high] = interval.map((end) => formatNumber(100 * end, 2, this.#style));
    return `[${low}, ${high}] %`;
  }

  p(value: number | null): string {
    if (value === null) return "–";
    return value < 0.0001 ? "< 0.0001" : formatNumber(value, value < 0.01 ? 4 : 3, this.#style);
  }
}
