/** Figures as readers see them: a true minus sign, fixed digits, a dash for what is not known. */

/** Characters outside ASCII are used only where the terminal shows them. */
export interface NumberStyle {
  readonly unicode: boolean;
}

const rich: NumberStyle = { unicode: true };

/** From here on a figure's digits before the point say nothing more, and would widen a table. */
const tooLong = 1e6;

/** `digits` after the point, 1.2e34 where that would be long. Null, NaN and ±∞ show as a dash. */
export function formatNumber(
  value: number | null,
  digits: number,
  style: NumberStyle = rich,
): string {
  if (value === null || !Number.isFinite(value)) {
    return style.unicode ? "–" : "-";
  }
  const fixed =
    Math.abs(value) < tooLong ? value.toFixed(digits) : value.toExponential(1).replace("e+", "e");
  // −0.00 says that a figure is under zero where, to these digits, it is not.
  const text = Number(fixed) === 0 ? fixed.replace("-", "") : fixed;
  return style.unicode ? text.replace("-", "−") : text;
}

/** With its sign, for differences. */
export function formatSigned(
  value: number | null,
  digits: number,
  style: NumberStyle = rich,
): string {
  const text = formatNumber(value, digits, style);
  return value !== null &&
    Number.isFinite(value) &&
    value > 0 &&
    Number(value.toFixed(digits)) !== 0
    ? `+${text}`
    : text;
}

/** A fraction as per cent, without digits that say nothing: 10 %, 2.5 %. */
export function formatFraction(fraction: number): string {
  return `${formatNumber(Number((100 * fraction).toPrecision(3)), 3).replace(/\.?0+$/, "")} %`;
}

/** 0.8 s · 34 s · 4 m 12 s · 1 h 05 m */
export function formatDuration(seconds: number | null, style: NumberStyle = rich): string {
  if (seconds === null || !Number.isFinite(seconds) || seconds < 0) {
    return style.unicode ? "–" : "-";
  }
  if (seconds < 9.95) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  if (whole < 3600) {
    return `${Math.floor(whole / 60)} m ${String(whole % 60).padStart(2, "0")} s`;
  }
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} m`;
}

/** 950 · 12.4 k · 3.1 M · 2 G: three figures are enough for a count that is read, not computed with. */
export function formatCount(value: number): string {
  const units = ["", " k", " M", " G", " T"];
  let scaled = value;
  let unit = 0;
  while (Math.abs(scaled) >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  return `${Number(scaled.toPrecision(3))}${units[unit]}`;
}

/** 554 B · 48.1 MB · 1.24 GB */
export function formatBytes(bytes: number): string {
  const text = formatCount(bytes);
  return /[a-z]/i.test(text) ? `${text}B` : `${text} B`;
}
