/** Figures along an axis, and where it begins; browsers load this module, too, for the live charts. */
import { formatCount } from "../../text/numbers.js";

/** What is estimated from samples may lie a little under zero: that is no reason for an axis to. */
export function axisMinimum({
  min,
  max,
}: {
  readonly min: number;
  readonly max: number;
}): number | null {
  return min > -0.02 * max ? 0 : null;
}

/** As short as it goes: axes have round figures, whatever their size. */
export function plainFigure(value: number): string {
  if (Math.abs(value) >= 10_000) {
    return formatCount(value).replace("-", "−");
  }
  const small = value !== 0 && Math.abs(value) < 1e-4;
  const text = small ? value.toExponential() : `${Number(value.toPrecision(6))}`;
  return text.replaceAll("-", "−");
}
