/**
 * A worker as a task of a Ray cluster that is there already: a small driver asks Ray for the resources,
 * waits for them, starts the worker on the node that has them and brings its output here. The node has the
 * package, a Python and the shared folders under the same paths, and reaches the controller over TCP. Ray
 * ends the tasks of a driver that is gone, so a stopped or killed controller leaves nothing there.
 */
import { join } from "node:path";
import { z } from "zod";
import { shellQuoted } from "../../text/shell-quote.js";
import {
  DISPLACED,
  following,
  type LaunchPlace,
  type LaunchPlan,
  NOT_STARTED,
  OWN,
  probeSteps,
  probesOf,
  refusalByCode,
  startsAtOnce,
  type WorkerCommand,
} from "./launch-plan.js";

const amount = z.number().min(0).max(1e6);
const python = z.string().min(1).nullable().default(null);

export const raySchema = z.strictObject({
  address: z
    .string()
    .regex(/^[^\s-]\S*$/, "auto, or host:port of the head node")
    .default("auto")
    .describe("auto: the cluster that this machine is a node of; else host:port of its head"),
  num_cpus: amount.default(1),
  num_gpus: amount.default(0),
  resources: z
    .record(z.string().min(1), amount)
    .default({})
    .describe("of the cluster's own kinds, as in { a100: 1 }"),
  python: python.describe("Python on the nodes; null: the one that this machine has"),
  client_python: python.describe(
    "Python here that has the package ray, of the cluster's version; null: the worker's",
  ),
});

export type RaySettings = z.infer<typeof raySchema>;

const ownWords = new RegExp(`^${OWN}`);

/** @param here - Python of this machine. */
export function rayPlan(
  settings: RaySettings,
  place: LaunchPlace,
  command: WorkerCommand,
  here: () => string,
): LaunchPlan {
  const { address, num_cpus, num_gpus, resources } = settings;
  const { root, endpoint, keys } = place;
  const { argv, environment } = command({
    python: () => settings.python ?? here(),
    root,
    endpoint,
    keys: "-",
  });
  const script = [
    ...probeSteps(place, "the node that Ray chose"),
    `exec ${argv.map(shellQuoted).join(" ")}`,
  ].join("; ");
  // Values of variables may be secret, and arguments are not: names alone.
  const variables = Object.keys(environment);
  const platform = join(root, "python", "averse_worker", "platform");
  return {
    ...startsAtOnce,
    argv: [
      ...following(here(), root),
      ...[settings.client_python ?? here(), join(platform, "ray_task.py")],
      JSON.stringify({ address, num_cpus, num_gpus, resources, script, variables, keys }),
    ],
    environment,
    place: "under Ray",
    refusal: refusalByCode(new Map([NOT_STARTED, DISPLACED].map((code) => [code, ownWords]))),
    afterwords: new RegExp(`^${OWN}(?:queued|started) by Ray`),
    queue: {
      turn: (line) =>
        line.startsWith(`${OWN}queued by Ray`)
          ? "waits"
          : line.startsWith(`${OWN}started by Ray`)
            ? "runs"
            : null,
      state: null,
    },
    probes: probesOf(place),
  };
}
