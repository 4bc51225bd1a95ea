/** A fault between keys, told at the key that the user most likely has to change. */
import type { ConfigProblem } from "./config-error.js";
import type { Misfit } from "./cross-checks.js";
import type { GivenValues } from "./given-values.js";
import type { KeyPath } from "./key-path.js";

/**
 * Points at an override first (the last thing that was changed), then at what the file gives, the
 * arm's own key before the section's; at the file's head where all of them are defaults.
 */
export function misfitProblem(
  misfit: Misfit,
  arm: string | null,
  given: GivenValues,
): ConfigProblem {
  const paths = misfit.keys.map((key) => inForce(key, arm, given));
  const path =
    paths.find((one) => given.origin(one) === "override") ??
    paths.find((one) => given.origin(one) === "file") ??
    paths[0]!;
  const { found, expected, remedy } = misfit;
  return { place: given.of(path), key: path.join("."), found, expected, remedy };
}

function inForce(key: string, arm: string | null, given: GivenValues): KeyPath {
  const path = key.split(".");
  if (arm === null) return path;
  const own = ["arms", arm, ...path];
  return given.origin(own) === "default" ? path : own;
}
