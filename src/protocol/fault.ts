/** A message that breaks the protocol, told with the field's path and what was expected there. */
import type { z } from "zod";
import { faultText, isInfiniteOrNaN, schemaFaults } from "../text/schema-faults.js";
import { PROTOCOL_VERSION, RELEASE } from "./messages.js";

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
        `${String(theirs)}, this controller (averse ${RELEASE}) speaks ${PROTOCOL_VERSION}: ${side}; ` +
        remedy(typeof theirs === "number" && theirs > PROTOCOL_VERSION, release),
    );
  }
}

function remedy(newer: boolean, release: unknown): string {
  if (release === RELEASE) {
    return `both call themselves ${RELEASE}: bring the checkouts of both to the same commit`;
  }
  const worker = `\`python -m pip install averse-worker==${RELEASE}\` where the worker runs`;
  return newer && typeof release === "string"
    ? `\`npm install --global averse@${release}\` here, or ${worker}`
    : worker;
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
  const faults = schemaFaults(outcome.error.issues, value).map((fault) =>
    // The one type of the protocol that zod has no words for.
    fault.message === "Invalid input"
      ? { ...fault, message: "expected bytes (a binary array)" }
      : fault,
  );
  const named = faults.slice(0, NAMED).map((fault) => faultText(fault, "field"));
  const more = faults.length > NAMED ? `; and ${faults.length - NAMED} more` : "";
  const diverged = faults.every(({ found }) => isInfiniteOrNaN(found));
  throw new ProtocolFault(`${what}: ${named.join("; ")}${more}`, id, diverged);
}
