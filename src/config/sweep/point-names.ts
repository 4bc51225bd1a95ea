/** What a sweep's arms are called: `ra-rlhf_alpha=0.2_beta=0.1`. */
import { resolvedArmPattern } from "../schema/fields.js";
import type { Values } from "./points.js";

/**
 * The last part of each key, as far as needed to tell them apart: `risk.alpha` is `alpha`.
 *
 * @param keys of the grid, inside an arm
 */
export function shortKeys(keys: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    keys.map((key) => {
      const parts = key.split(".");
      for (let length = 1; length < parts.length; length += 1) {
        const short = parts.slice(-length).join(".");
        const taken = keys.some((other) => other !== key && other.endsWith(`.${short}`));
        // A bare number tells nothing: `reward.0`.
        if (!taken && !/^\d/.test(short)) return [key, short];
      }
      return [key, key];
    }),
  );
}

/** `0.2`, `1.5e-6`. */
function numberText(value: number): string {
  const [short = "", power] = value.toExponential().split("e");
  return value !== 0 && Math.abs(value) < 1e-3 ? `${short}e${power}` : String(value);
}

/** A value as a file's name can have it. */
function valueText(value: unknown): string {
  const text =
    typeof value === "number"
      ? numberText(value)
      : typeof value === "string"
        ? value
        : JSON.stringify(value);
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replaceAll(/(?<=.)-$/g, "");
}

/**
 * Names of arms and so of folders, none of them twice, nor one that is taken. A name that would be
 * too long is the arm's with the number of the point.
 *
 * @param taken names of other arms
 */
export function pointNames(
  arm: string,
  points: readonly Values[],
  short: Readonly<Record<string, string>>,
  taken: ReadonlySet<string>,
): string[] {
  const names: string[] = [];
  for (const [at, values] of points.entries()) {
    const parts = Object.entries(values).map(([key, value]) => `${short[key]}=${valueText(value)}`);
    const whole = [arm, ...parts].join("_").toLowerCase();
    const isFree = (name: string) =>
      resolvedArmPattern.test(name) && !names.includes(name) && !taken.has(name);
    const numbered = (again: number) => `${arm.slice(0, 48)}_point=${at + 1}${".".repeat(again)}`;
    let name = whole;
    for (let again = 0; !isFree(name); again += 1) name = numbered(again);
    names.push(name);
  }
  return names;
}
