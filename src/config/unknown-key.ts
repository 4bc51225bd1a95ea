/** A key that the schema does not have, answered with the nearest one that it has. */
import type { ConfigProblem, Place } from "./config-error.js";
import type { KeyPath } from "./key-path.js";
import { keyReferences, sectionNames } from "./key-reference.js";
import { nearestName } from "./nearest-name.js";
import { armSections } from "./schema.js";

export function unknownKey(path: KeyPath, place: Place): ConfigProblem {
  const inArm = path[0] === "arms" && path.length > 2;
  const prefix = inArm ? `${path.slice(0, 2).join(".")}.` : "";
  const key = (inArm ? path.slice(2) : path).join(".");
  const meant = nearestKey(key, inArm);
  return {
    place,
    key: path.join("."),
    found: "an unknown key",
    expected:
      inArm && !isArmKey(key) ? `a key of ${Object.keys(armSections).join(", ")}` : "a known key",
    remedy:
      meant === null
        ? "`averse config explain` and docs/configuration.md list every key."
        : `Did you mean ${prefix}${meant}?`,
  };
}

/** Near in spelling, or the same name in another section: `alpha` is `risk.alpha`. */
function nearestKey(key: string, inArm: boolean): string | null {
  const keys = keyReferences.map((entry) => entry.key).filter((known) => !inArm || isArmKey(known));
  const sections = sectionNames.filter((section) => !inArm || isArmKey(section));
  const [section = "", last] = key.split(".");
  if (last === undefined) {
    const top = [...sections, ...keys.filter((known) => !known.includes("."))];
    return nearestName(key, top) ?? byLastPart(key, keys);
  }
  if (!sections.includes(section)) {
    const meantSection = nearestName(section, sections);
    const full = meantSection === null ? null : nearestName(`${meantSection}.${last}`, keys);
    return full ?? byLastPart(last, keys);
  }
  const siblings = keys.filter((known) => known.startsWith(`${section}.`));
  const meant = nearestName(
    last,
    siblings.map((known) => known.slice(section.length + 1)),
  );
  return meant === null ? byLastPart(last, keys) : `${section}.${meant}`;
}

function byLastPart(name: string, keys: readonly string[]): string | null {
  const nested = keys.filter((key) => key.includes("."));
  const meant = nearestName(
    name,
    nested.map((key) => key.split(".")[1]!),
  );
  return meant === null ? null : nested.find((key) => key.endsWith(`.${meant}`))!;
}

function isArmKey(key: string): boolean {
  return Object.hasOwn(armSections, key.split(".")[0]!);
}
