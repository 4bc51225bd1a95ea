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
    const meant = issue.code === "invalid_union" ? meantBranch(issue.errors) : null;
    if (meant !== null) {
      const inside = meant.map((one) => ({ ...one, path: [...issue.path, ...one.path] }));
      return schemaFaults(inside, value);
    }
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

/** The one way of a union that the value's own type fits, so that only something in it is wrong. */
function meantBranch(branches: readonly (readonly z.core.$ZodIssue[])[]) {
  const unfit = new Set(["invalid_type", "invalid_value"]);
  const fitting = branches.filter((issues) =>
    issues.every(({ code, path }) => path.length > 0 || !unfit.has(code)),
  );
  return fitting.length === 1 ? fitting[0]! : null;
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
