/** A message that breaks the protocol, told with the field's path and what was expected there. */
import type { z } from "zod";
import { PROTOCOL_VERSION } from "./messages.js";

/** A message, array or field that is not what `messages.ts` says. */
export class ProtocolFault extends Error {
  override readonly name = "ProtocolFault";
  constructor(
    message: string,
    /** Id of the request that it answers; null: none could be read. */
    readonly id: number | null = null,
    /** The only thing wrong is a NaN or an infinity: numbers diverged, the protocol was kept. */
    readonly diverged = false,
  ) {
    super(message);
  }
}

/** The worker speaks another version of the protocol; nothing else of its hello was looked at. */
export class VersionFault extends ProtocolFault {
  constructor(theirs: unknown, release: unknown) {
    const side =
      typeof theirs !== "number"
        ? "its hello names no version"
        : theirs < PROTOCOL_VERSION
          ? "the worker is older"
          : "the controller is older";
    super(
      `the worker${typeof release === "string" ? ` (averse_worker ${release})` : ""} speaks protocol ` +
        `${String(theirs)}, this controller speaks ${PROTOCOL_VERSION}: ${side}; ` +
        "install controller and worker from the same release",
    );
  }
}

/** How many wrong fields an error names; the rest are counted. */
const NAMED = 3;

/**
 * Checks a value against a schema of `messages.ts`.
 *
 * @param what - Names the value in the error, such as "result of `update`".
 * @throws {ProtocolFault} with the path of each wrong field.
 */
export function checked<S extends z.ZodType>(
  schema: S,
  value: unknown,
  what: string,
  id: number | null = null,
): z.infer<S> {
  const outcome = schema.safeParse(value);
  if (outcome.success) {
    return outcome.data;
  }
  const issues = outcome.error.issues;
  const named = issues.slice(0, NAMED).map((issue) => described(issue, value));
  const more = issues.length > NAMED ? `; and ${issues.length - NAMED} more` : "";
  const diverged = issues.every((issue) => isInfiniteOrNaN(valueAt(value, issue.path)));
  throw new ProtocolFault(`${what}: ${named.join("; ")}${more}`, id, diverged);
}

function described(issue: z.core.$ZodIssue, value: unknown): string {
  const path = pathText(issue.path);
  if (issue.code === "unrecognized_keys") {
    const unknown = issue.keys.map((key) => `\`${pathText([...issue.path, key])}\``).join(", ");
    return `unknown field ${unknown}`;
  }
  const got = valueAt(value, issue.path);
  if (got === undefined) {
    return `field \`${path}\` is missing`;
  }
  if (isInfiniteOrNaN(got)) {
    return `field \`${path}\` is ${got}, expected a finite number`;
  }
  return `field \`${path}\`: ${expectation(issue)}`;
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    // The one custom type of the protocol, for which zod has no words.
    case "custom":
      return "expected bytes (a binary array)";
    case "invalid_union":
      return issue.errors.flatMap(([first]) => (first ? expectation(first) : [])).join(", or ");
    default:
      return issue.message;
  }
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === "object" && at !== null && Object.hasOwn(at, key)
        ? (at as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  );
}

function isInfiniteOrNaN(value: unknown): value is number {
  return typeof value === "number" && !Number.isFinite(value);
}

function pathText(path: readonly PropertyKey[]): string {
  return path.map(String).join(".") || "(the whole value)";
}
