/**
 * Where and how a worker runs, as data: a YAML file in `configs/workers`, like a Jupyter
 * kernelspec. The controller never asks which engine it names.
 */

import { z } from "zod";
import { ConfigError, type ConfigProblem } from "../config/problems.js";
import { parseYaml, readConfigText, type YamlSource } from "../config/yaml.js";
import { type SchemaFault, schemaFaults } from "../text/schema-faults.js";
import { attachSchema } from "./launchers/attach.js";
import { containerSchema } from "./launchers/container.js";
import { raySchema } from "./launchers/ray.js";
import { slurmSchema } from "./launchers/slurm.js";
import { sshSchema } from "./launchers/ssh.js";
import { timeoutsSchema } from "./timeouts.js";
import { bareHost, isHost } from "./transport/tcp-address.js";
import { workerFile } from "./worker-files.js";

const text = z.string().min(1);
const template = z.string().refine((value) => unknownPlaceholders(value).length === 0, {
  error: ({ input }) =>
    `known placeholders only (${PLACEHOLDERS.map((name) => `{${name}}`).join(", ")}), not ` +
    unknownPlaceholders(String(input)).join(", "),
});
const seconds = z.number().positive().max(86_400);

const host = z
  .string()
  .overwrite(bareHost)
  .refine(isHost, { error: "an IPv4 or IPv6 address or a name" });

const connection = z.strictObject({
  transport: z.enum(["ipc", "tcp"]).default("ipc").describe("tcp: always with CURVE keys"),
  host: host.default("127.0.0.1").describe("tcp: address or name to listen on"),
  port: z.int().min(0).max(65_535).default(0).describe("tcp: 0 is any free one"),
  advertise: host
    .nullable()
    .default(null)
    .describe(
      "tcp: how the worker reaches this machine; null: the address listened on, or the machine's " +
        "name where that is every address",
    ),
});

const fields = z.strictObject({
  name: text,
  purpose: z.string().max(300).default("").describe("one line, shown in lists"),
  launcher: z
    .enum(["command", "ssh", "container", "slurm", "ray", "attach"])
    .default("command")
    .describe("command: argv is started here as it is; else the section of this name says where"),
  ssh: sshSchema.optional(),
  container: containerSchema.optional(),
  slurm: slurmSchema.optional(),
  ray: raySchema.optional(),
  attach: attachSchema.optional(),
  argv: z
    .tuple([template.min(1)], template)
    .describe("program and arguments, where the launcher starts them"),
  processes: z
    .int()
    .min(1)
    .max(1024)
    .default(1)
    .describe("that compute together as one worker; argv has them as {processes}"),
  environment: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), template)
    .default({})
    .describe("variables of the worker; command: added to the controller's"),
  start_seconds: seconds.default(60).describe("from the start to the worker's first message"),
  stop_seconds: seconds.default(5).describe("for each step of stopping: request, SIGTERM, SIGKILL"),
  timeout_seconds: timeoutsSchema
    .prefault({})
    .describe("without progress or answer, after which a command or phase counts as hung"),
  models: z
    .enum(["transformers", "other"])
    .default("transformers")
    .describe("format of the model folders that its engine loads; other: not checked before a run"),
  connection: connection.prefault({}),
});

/** Launchers with a section of their own, and how their workers reach the controller. */
const transports = {
  ssh: "ipc",
  container: "ipc",
  slurm: "tcp",
  ray: "tcp",
  attach: null,
} as const;

type Section = keyof typeof transports;
type Transport = (typeof transports)[Section];

export const workerSpecSchema = fields.check(({ value, issues }) => {
  const { argv, environment, processes } = value;
  const { transport } = value.connection;
  const handsKeys = [...argv, ...Object.values(environment)].some((text) =>
    text.includes("{keys}"),
  );
  const refuse = (path: PropertyKey[], message: string) =>
    issues.push({ code: "custom", input: value, path, message });
  for (const [section, needed] of Object.entries(transports) as [Section, Transport][]) {
    const isNamed = value.launcher === section;
    if (isNamed && value[section] === undefined) {
      refuse([section], `a section ${section}: launcher: ${section} needs it`);
    }
    if (!isNamed && value[section] !== undefined) {
      refuse([section], `no section ${section} without launcher: ${section}`);
    }
    if (isNamed && needed === null && transport !== "ipc") {
      refuse(["connection"], `no section connection: the file of launcher: ${section} has it`);
    }
    if (isNamed && needed !== null && transport !== needed) {
      const why =
        needed === "ipc" ? "brings the worker's socket along" : "starts it on another machine";
      refuse(["connection", "transport"], `${needed}: launcher: ${section} ${why}`);
    }
  }
  if (transport === "tcp" && !handsKeys) {
    refuse(["argv"], "{keys} among the arguments (--keys {keys}): over tcp the worker needs keys");
  }
  if (transport === "ipc" && handsKeys && value.launcher !== "attach") {
    refuse(["argv"], "no {keys}: there are none over ipc");
  }
  if (processes > 1 && !argv.some((text) => text.includes("{processes}"))) {
    refuse(["argv"], "{processes} among the arguments (--processes {processes})");
  }
});

export type WorkerSpec = z.infer<typeof workerSpecSchema>;

/** Whether a worker is a process of this machine, with its files, its environment and its ids. */
export function runsHere({ launcher, connection: { transport } }: WorkerSpec): boolean {
  return launcher === "command" && transport === "ipc";
}

/** Whether each worker asks a cluster for its place, and may wait for it in a queue. */
export function asksCluster({ launcher }: WorkerSpec): boolean {
  return launcher === "slurm" || launcher === "ray";
}

/** How the processes of one worker divide its work; null: there is one process. */
export function strategyOf({ argv, processes }: WorkerSpec): string | null {
  if (processes === 1) return null;
  return wordAfter("--strategy", argv) ?? "data-parallel";
}

/** The engine that the command names; null: it does not. For lists alone: a worker says itself. */
export function namedEngine({ argv }: WorkerSpec): string | null {
  return wordAfter("--engine", argv);
}

/**
 * What the command gives this package's own worker; null: it starts another program, or what it starts is
 * of another machine, or another's to start.
 */
export function workerArguments({ argv, launcher, processes }: WorkerSpec): string[] | null {
  const at = argv.indexOf("averse_worker");
  if (at < 0 || launcher === "ssh" || launcher === "attach") return null;
  const own = argv.slice(at + 1).map((word) => filled(word, { processes: String(processes) }));
  // Where another program starts them, the worker's arguments do not say how many there are.
  return [...own, ...(processes > 1 ? ["--processes", String(processes)] : [])];
}

function wordAfter(option: string, argv: readonly string[]): string | null {
  const at = argv.indexOf(option);
  return at < 0 ? null : (argv[at + 1] ?? null);
}

/**
 * Reads the spec that `backend.worker` names.
 *
 * @param worker - Name of a file in configs/workers, of the working directory or the package, or the
 *   path of a YAML file.
 * @param root - Folder of the package.
 * @throws {ConfigError} with file, line and key path.
 */
export function readWorkerSpec(
  worker: string,
  root: string,
  workingDirectory = process.cwd(),
): WorkerSpec {
  const file = workerFile(worker, root, workingDirectory);
  const source = parseYaml(file, readConfigText(file));
  const outcome = workerSpecSchema.safeParse(source.tree);
  if (!outcome.success) {
    const faults = schemaFaults(outcome.error.issues, source.tree);
    throw new ConfigError(faults.map((fault) => problem(fault, source)));
  }
  return outcome.data;
}

/** Keys of the object at a path of the schema. */
function shapeAt(path: readonly PropertyKey[]): object {
  const [section] = path;
  const sections: Readonly<Record<string, object>> = {
    timeout_seconds: timeoutsSchema.shape,
    connection: connection.shape,
    ssh: sshSchema.shape,
    container: containerSchema.shape,
    slurm: slurmSchema.shape,
    ray: raySchema.shape,
    attach: attachSchema.shape,
  };
  const nested = path.length > 1 ? sections[String(section)] : undefined;
  return nested ?? fields.shape;
}

/** Keys of a worker's file that had another name. */
const renamedSpecKeys: Readonly<Record<string, string>> = { silence_seconds: "timeout_seconds" };

function problem(fault: SchemaFault, source: YamlSource): ConfigProblem {
  const { kind, path, found, message } = fault;
  const key = path.join(".");
  if (kind === "unknown") {
    const renamed = Object.hasOwn(renamedSpecKeys, key) ? renamedSpecKeys[key]! : null;
    return {
      place: source.placeOfKey(path),
      key,
      found: renamed === null ? "an unknown key" : "a renamed key",
      expected: renamed ?? `one of ${Object.keys(shapeAt(path)).join(", ")}`,
      remedy: renamed === null ? "Remove it or correct its name." : `Write ${renamed} instead.`,
    };
  }
  if (kind === "name") {
    return {
      place: source.placeOfKey(path),
      key,
      found: `the name "${String(path.at(-1))}"`,
      expected: "letters, digits and _, no digit first",
      remedy: "Correct the name of the variable.",
    };
  }
  return {
    place: source.placeOf(path),
    key,
    found: found === undefined ? "nothing" : JSON.stringify(found),
    expected: message.replace(/^expected (.*?)(, received .*)?$/, "$1"),
    remedy: "configs/workers/local.yaml is an example.",
  };
}

/** What a spec's arguments and environment may name in braces. */
const PLACEHOLDERS = ["python", "endpoint", "session", "root", "keys", "processes"] as const;

export type Placeholders = Readonly<Record<(typeof PLACEHOLDERS)[number], string>>;

const PATTERN = /\{([a-z_]+)\}/g;

/** Placeholders of a text that nothing will fill, braces included. */
function unknownPlaceholders(text: string): string[] {
  return [...text.matchAll(PATTERN)]
    .filter(([, name]) => !(PLACEHOLDERS as readonly string[]).includes(name!))
    .map(([placeholder]) => placeholder);
}

/** The text with the placeholders filled that have a value; unknown ones were refused with the spec. */
export function filled(text: string, values: Partial<Placeholders>): string {
  return text.replaceAll(PATTERN, (placeholder, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name as keyof Placeholders] : undefined;
    return value ?? placeholder;
  });
}
