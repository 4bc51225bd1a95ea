/**
 * What zod finds wrong with a value, in words: the one translation for configurations, worker
 * specs, manifests, journals and the worker's messages.
 */
import type { z } from "zod";

export interface SchemaFault {
  readonly path: readonly PropertyKey[];
  /** `name`: the key itself is misspelt, as the schema has it · `value`: any other wrong value. */
  readonly kind: "unknown" | "missing" | "name" | "value";
  /** What stands at the path; undefined: nothing. */
  readonly found: unknown;
  /** "expected number, received string"; of a union, every way that it could have been. */
  readonly message: string;
}

/** @param value what was checked */
export function schemaFaults(issues: readonly z.core.$ZodIssue[], value: unknown): SchemaFault[] {
  return issues.flatMap((issue): SchemaFault[] => {
    if (issue.code === "unrecognized_keys") {
      const unknown = { kind: "unknown", found: undefined, message: "unknown" } as const;
      return issue.keys.map((key) => ({ ...unknown, path: [...issue.path, key] }));
    }
    const found = valueAt(value, issue.path);
    const kind = issue.code === "invalid_key" ? "name" : found === undefined ? "missing" : "value";
    return [{ path: issue.path, kind, found, message: messageOf(issue) }];
  });
}

/**
 * "unknown key `a.b`", "key `a.b` is missing", "key `a.b`: expected number, received string"
 *
 * @param noun what the schema's keys are called where the reader meets them
 */
export function faultText({ path, kind, found, message }: SchemaFault, noun = "key"): string {
  const where = path.map(String).join(".");
  const named = where === "" ? "the whole value" : `${noun} \`${where}\``;
  if (kind === "unknown") return `unknown ${named}`;
  if (kind === "missing") return `${named} is missing`;
  if (isInfiniteOrNaN(found)) return `${named} is ${found}, expected a finite number`;
  return `${named}: ${message}`;
}

/** The first of the faults, and how many more there are. */
export function firstFault(error: z.ZodError, value: unknown): string {
  const [first, ...others] = schemaFaults(error.issues, value);
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return `${faultText(first!)}${more}`;
}

export function isInfiniteOrNaN(value: unknown): value is number {
  return typeof value === "number" && !Number.isFinite(value);
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_union") {
    const ways = issue.errors.flatMap(([first]) => (first ? [messageOf(first)] : []));
    if (ways.length > 0) return ways.join(", or ");
  }
  return issue.message.replace(/^Invalid (input|option): /, "");
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
