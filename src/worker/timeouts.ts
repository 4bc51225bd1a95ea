/** How long a worker may say nothing, by what it is doing. */
import { z } from "zod";
import { isControl, type PendingCall } from "./pending-calls.js";

/** Work that can have a deadline of its own: phases as workers report them, and commands. */
const WORK = [
  "import",
  "download",
  "score",
  "sft",
  "rollout",
  "sample",
  "reference",
  "reward",
  "judge",
  "update",
  "evaluate",
  "perplexity",
  "fluency",
  "toxicity",
  "capability",
  "save",
  "restore",
  "export",
] as const;

const seconds = z.number().positive().max(86_400);

/** Seconds. A wrong verdict costs a run its worker, a late one only costs time: rather late. */
const DEFAULTS = {
  /** A large model reports no progress while it is read from a cold disk or the hub. */
  load: 600,
  other: 300,
  /** A thread of its own answers within milliseconds; this allows for a machine that swaps. */
  control: 15,
};

/** Of work that is silent for longer than `other`, where its key is not set. */
const LONGER: Partial<Record<(typeof WORK)[number] | "load", number>> = {
  /** Loads a task's data, from the hub perhaps, before its first forward pass. */
  capability: 1800,
};

export const timeoutsSchema = z.strictObject({
  load: seconds.default(DEFAULTS.load),
  other: seconds.default(DEFAULTS.other).describe("everything without a key of its own"),
  control: seconds.default(DEFAULTS.control).describe("ping, interrupt, shutdown"),
  ...(Object.fromEntries(WORK.map((name) => [name, seconds.optional()])) as Record<
    (typeof WORK)[number],
    z.ZodOptional<typeof seconds>
  >),
});

type TimeoutKey = keyof typeof timeoutsSchema.shape;

/**
 * The deadline of a call: of the phase last reported, otherwise of the command, otherwise `other`.
 *
 * @returns Seconds, and the key that sets them for this very work.
 */
export function timeoutOf(
  limits: z.infer<typeof timeoutsSchema>,
  { command, progress }: Pick<PendingCall, "command" | "progress">,
): { readonly seconds: number; readonly key: TimeoutKey } {
  if (isControl(command)) {
    return { seconds: limits.control, key: "control" };
  }
  const named = [progress?.phase, command].filter(isWork);
  const seconds = named
    .map((key) => limits[key] ?? LONGER[key])
    .find((limit) => limit !== undefined);
  return { seconds: seconds ?? limits.other, key: named[0] ?? "other" };
}

function isWork(name: string | undefined): name is (typeof WORK)[number] | "load" {
  return name === "load" || (WORK as readonly (string | undefined)[]).includes(name);
}
