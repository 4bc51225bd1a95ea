/** Colours of the curves in one chart, and strokes by which they are told apart without. */
import type { ViewStyle } from "../terminal/line.js";

/** Where colour shows, the curves' colours in their order. */
export const curveColors = ["cyan", "magenta", "yellow", "green", "blue", "red"] as const;

/** By cell, again and again: drawn, or left out. The first is unbroken. */
const patterns = ["1", "110", "10", "111100", "1000", "11010"] as const;

/** In ASCII a dash is a sign of its own. */
const asciiSigns = ["-", ".", ":", "+", "*", "o"] as const;

/** So many curves have a stroke of their own; those after them begin again with the first. */
export const distinctDashes = patterns.length;

/** @param dash 0: unbroken */
export function isDrawn(dash: number, column: number): boolean {
  const pattern = patterns[dash % patterns.length]!;
  return pattern[column % pattern.length] === "1";
}

export function asciiSign(dash: number): string {
  return asciiSigns[dash % asciiSigns.length]!;
}

/** For a legend: a piece of the curve, exactly so many columns. */
export function strokeSample(dash: number, columns: number, { unicode }: ViewStyle): string {
  const cells = Array.from({ length: columns }, (_, column) => column);
  return unicode
    ? cells.map((column) => (isDrawn(dash, column) ? "⠒" : " ")).join("")
    : asciiSign(dash).repeat(columns);
}
