/**
 * Where and how a worker runs, as data: a YAML file in `configs/workers`, like a Jupyter
 * kernelspec. The controller never asks which engine it names.
 */
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { ConfigError, type ConfigProblem } from "../config/config-error.js";
import { readConfigText } from "../config/config-text.js";
import { parseYaml, type YamlSource } from "../config/yaml-source.js";
import { PLACEHOLDERS, unknownPlaceholders } from "./placeholders.js";

const text = z.string().min(1);
const template = z.string().refine((value) => unknownPlaceholders(value).length === 0, {
  error: ({ input }) =>
    `known placeholders only (${PLACEHOLDERS.map((name) => `{${name}}`).join(", ")}), not ` +
    unknownPlaceholders(String(input)).join(", "),
});
const seconds = z.number().positive().max(86_400);

/** Seconds. A wrong verdict costs a run its worker, a late one only costs time: rather late. */
const SILENCE = {
  /** A large model reports no progress while it is read from a cold disk or the hub. */
  load: 600,
  other: 300,
  /** A thread of its own answers within milliseconds; this allows for a machine that swaps. */
  control: 15,
};

export const workerSpecSchema = z.strictObject({
  name: text,
  purpose: z.string().max(300).default("").describe("one line, shown in lists"),
  argv: z.tuple([template.min(1)], template).describe("program and arguments"),
  environment: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), template)
    .default({})
    .describe("added to the controller's environment"),
  start_seconds: seconds.default(60).describe("from the start to the worker's first message"),
  stop_seconds: seconds.default(5).describe("for each step of stopping: request, SIGTERM, SIGKILL"),
  silence_seconds: z
    .strictObject({
      load: seconds.default(SILENCE.load),
      other: seconds.default(SILENCE.other),
      control: seconds.default(SILENCE.control).describe("ping, interrupt, shutdown"),
    })
    .prefault({})
    .describe("without progress or answer, after which a command counts as hung"),
});

export type WorkerSpec = z.infer<typeof workerSpecSchema>;

/**
 * Reads the spec that `backend.worker` names.
 *
 * @param worker - Name of a file in `<root>/configs/workers`, or the path of a YAML file.
 * @param root - Folder of the package.
 * @throws {ConfigError} with file, line and key path.
 */
export function readWorkerSpec(worker: string, root: string): WorkerSpec {
  const file = specFile(worker, join(root, "configs", "workers"));
  const source = parseYaml(file, readConfigText(file));
  const outcome = workerSpecSchema.safeParse(source.tree);
  if (!outcome.success) {
    throw new ConfigError(outcome.error.issues.flatMap((issue) => problems(issue, source)));
  }
  return outcome.data;
}

/** Whatever has a slash or ends in .yaml is a path; all else is a name. */
function specFile(worker: string, folder: string): string {
  if (/[/\\]|\.ya?ml$/.test(worker)) {
    return resolve(worker);
  }
  const file = join(folder, `${worker}.yaml`);
  if (!existsSync(file)) {
    const known = existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name.endsWith(".yaml"))
          .map((name) => name.slice(0, -".yaml".length))
      : [];
    throw new ConfigError([
      {
        place: { file, line: 1, column: 1 },
        key: "backend.worker",
        found: `no worker named "${worker}"`,
        expected: known.length > 0 ? `one of ${known.sort().join(", ")}` : "a file in that folder",
        remedy: "Name one of these, or give the path of a YAML file.",
      },
    ]);
  }
  return file;
}

function problems(issue: z.core.$ZodIssue, source: YamlSource): ConfigProblem[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      place: source.placeOfKey([...issue.path, key]),
      key: [...issue.path, key].join("."),
      found: "an unknown key",
      expected: `one of ${Object.keys(workerSpecSchema.shape).join(", ")}`,
      remedy: "Remove it or correct its name.",
    }));
  }
  if (issue.code === "invalid_key") {
    return [
      {
        place: source.placeOfKey(issue.path),
        key: issue.path.join("."),
        found: `the name "${String(issue.path.at(-1))}"`,
        expected: "letters, digits and _, no digit first",
        remedy: "Correct the name of the variable.",
      },
    ];
  }
  const found = issue.path.reduce<unknown>(
    (at, part) => (at as Record<PropertyKey, unknown> | undefined)?.[part],
    source.tree,
  );
  return [
    {
      place: source.placeOf(issue.path),
      key: issue.path.join("."),
      found: found === undefined ? "nothing" : JSON.stringify(found),
      expected: issue.message.replace(/^Invalid input: expected (.*?)(, received .*)?$/, "$1"),
      remedy: "configs/workers/local.yaml is an example.",
    },
  ];
}
