/** A run's record keeps its configuration, which therefore may hold no secret. */
import { type Environment, redaction } from "../../text/redaction.js";
import { UserError } from "../failure-text.js";

/**
 * @param environments those that the run's workers see
 * @throws {UserError} a text of the configuration holds a secret; names its key, not its value
 */
export function refuseSecrets(config: object, ...environments: readonly Environment[]): void {
  const { whole } = redaction(...environments);
  for (const [key, text] of textsOf(config, "")) {
    const told = whole(text);
    if (told === text) continue;
    const name = /\[redacted: (\w+)\]/.exec(told)?.[1];
    const what =
      name === undefined
        ? "what looks like a secret (a key of a service, or a URL with a name and password)"
        : `the value of the environment variable ${name}`;
    throw new UserError(
      `${key} holds ${what}, and a run folder records its configuration: remove it, and pass ` +
        "it to the worker through the environment.",
    );
  }
}

function textsOf(value: unknown, key: string): [key: string, text: string][] {
  if (typeof value === "string") return [[key, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    textsOf(inner, key === "" ? name : `${key}.${name}`),
  );
}
