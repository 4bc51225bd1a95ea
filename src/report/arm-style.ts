import type { ArmConfig } from "../config/schema/experiment.js";

/**
 * How an arm looks in every plot. Colours are Okabe and Ito's, which colour-blind readers tell
 * apart; the dash and the marker say the same again, for print and for grey screens.
 */
export interface ArmStyle {
  readonly color: string;
  /** Dash lengths in pixels, or a full line. */
  readonly dash: "solid" | readonly number[];
  readonly marker: "circle" | "rect" | "triangle" | "diamond" | "pin" | "arrow" | "roundRect";
}

/** Yellow is left out: on white it does not show. */
const palette: readonly ArmStyle[] = [
  { color: "#0072B2", dash: "solid", marker: "circle" },
  { color: "#D55E00", dash: [8, 4], marker: "rect" },
  { color: "#009E73", dash: [2, 3], marker: "triangle" },
  { color: "#CC79A7", dash: [10, 3, 2, 3], marker: "diamond" },
  { color: "#E69F00", dash: [5, 2], marker: "roundRect" },
  { color: "#56B4E9", dash: [12, 3], marker: "pin" },
  { color: "#000000", dash: [14, 3, 2, 3, 2, 3], marker: "arrow" },
];

/** Of series beyond the palette, whose colours come again. */
const moreDashes: readonly (readonly number[])[] = [
  [6, 2, 1, 2],
  [3, 6],
  [16, 5],
  [9, 2, 9, 7],
  [1, 5],
  [5, 3, 1, 3, 1, 3],
];

/** Any number of looks; no two of them have the same dashes. */
export function styleAt(index: number): ArmStyle {
  const { color, marker } = palette[index % palette.length]!;
  if (index < palette.length) {
    return palette[index]!;
  }
  const more = index - palette.length;
  const round = more - moreDashes.length;
  const dash = moreDashes[more] ?? [2 + (round % 11), 2, 2, 3 + Math.floor(round / 11)];
  return { color, dash, marker };
}

/** What arms start from is the grey background of every plot. */
const untrained: Readonly<Record<"sft" | "base", ArmStyle>> = {
  sft: { color: "#6b6b6b", dash: [4, 4], marker: "rect" },
  base: { color: "#a0a0a0", dash: [1, 3], marker: "circle" },
};

/**
 * Styles by arm; of several that start others, as several runs have, only the first is grey; the same arms in the same order always look the same.
 *
 * @param configs what the arms are; one that is not there counts as trained
 */
export function armStyles(
  arms: readonly string[],
  configs: Readonly<Record<string, Pick<ArmConfig, "stage">>>,
): ReadonlyMap<string, ArmStyle> {
  const styles = new Map<string, ArmStyle>();
  const started = new Set<string>();
  let next = 0;
  for (const arm of arms) {
    const stage = configs[arm]?.stage ?? "rl";
    const isFirst = stage !== "rl" && stage !== "decode" && !started.has(stage);
    if (!isFirst) {
      styles.set(arm, styleAt(next));
      next += 1;
    } else {
      styles.set(arm, untrained[stage]);
      started.add(stage);
    }
  }
  return styles;
}
