import type { Line, ViewStyle } from "../terminal/line.js";

/**
 * Exactly `width` columns.
 *
 * @param fraction in [0, 1]; null: how much there is to do is not known
 */
export function progressBar(fraction: number | null, width: number, { unicode }: ViewStyle): Line {
  const columns = Math.max(0, width);
  if (fraction === null || Number.isNaN(fraction)) {
    return [{ text: (unicode ? "╌" : "-").repeat(columns), dim: true }];
  }
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * columns);
  const [filled, empty] = unicode ? ["━", "─"] : ["#", "."];
  return [
    { text: filled!.repeat(full), color: "cyan" },
    { text: empty!.repeat(columns - full), dim: true },
  ];
}
