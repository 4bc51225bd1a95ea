/**
 * A worker in a container: docker, podman or apptainer start it from an image that has Python and the
 * worker's packages. The package's own worker code, the folder of the socket and the run's folder are
 * mounted under the paths that they have here, so that every path means the same inside.
 */
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import {
  type LaunchPlace,
  type LaunchPlan,
  refusalByCode,
  startsAtOnce,
  type WorkerCommand,
} from "./launch-plan.js";

const text = z.string().min(1);

/** `/here`, `/here:/there`, either with `:ro` or `:rw`; `~/` is the home folder here. */
const mountPattern = /^((?:\/|~\/)[^:]*)(?::(\/[^:]*))?(?::(ro|rw))?$/;

export const containerSchema = z.strictObject({
  runtime: z.enum(["docker", "podman", "apptainer"]).default("docker"),
  image: text
    .regex(/^[^-\s]\S*$/, "the name of an image, or an apptainer file")
    .describe("with Python and the worker's packages; it must be on this machine already"),
  python: text.default("python3").describe("Python in the image"),
  gpus: z
    .union([z.enum(["none", "all"]), z.array(z.int().min(0).max(255)).min(1)])
    .default("none")
    .describe("none, all, or a list of their numbers"),
  mounts: z
    .array(text.regex(mountPattern, "/folder, /folder:/folder-inside, either with :ro"))
    .default([])
    .describe(
      "folders of models and data; those of runs, artifacts and the worker are mounted anyway",
    ),
  options: z
    .array(z.string())
    .default([])
    .describe("further arguments of the runtime, as in [--shm-size, 8g]"),
});

export type ContainerSettings = z.infer<typeof containerSchema>;

export interface Mount {
  readonly from: string;
  readonly to: string;
  readonly readOnly: boolean;
}

/** A path in which `~/` at the beginning is the home folder. */
export function fromHome(path: string, home = homedir()): string {
  return path.startsWith("~/") ? join(home, path.slice(2)) : path;
}

/** @param mount - As the schema has it. */
export function mountOf(mount: string, home = homedir()): Mount {
  const [, from = "", to, mode] = mountPattern.exec(mount) ?? [];
  const here = fromHome(from, home);
  return { from: here, to: to ?? here, readOnly: mode === "ro" };
}

/** What docker says when its daemon goes away under a container. */
const DAEMON_LOST = /unexpected EOF|error waiting for container|error during connect/;

/** The runtime with the worker's command in the container. */
export function containerPlan(
  settings: ContainerSettings,
  place: LaunchPlace,
  command: WorkerCommand,
): LaunchPlan {
  const { runtime, image, python } = settings;
  const { root, endpoint, shared } = place;
  const { argv, environment } = command({ python: () => python, root, endpoint });
  const sockets = dirname(endpoint.slice("ipc://".length));
  const mounts: Mount[] = [
    { from: join(root, "python"), to: join(root, "python"), readOnly: true },
    ...[sockets, ...shared].map((folder) => ({ from: folder, to: folder, readOnly: false })),
    ...settings.mounts.map((mount) => mountOf(mount)),
  ];
  const variables = {
    // The user need have neither a name nor a home in the image.
    ...(place.temporary === null ? {} : { HOME: place.temporary, TMPDIR: place.temporary }),
    USER: "averse",
    ...environment,
  };
  const started =
    runtime === "apptainer"
      ? apptainer(settings, mounts, variables)
      : dockerOrPodman(settings, mounts, variables, place.session);
  return {
    ...startsAtOnce,
    argv: [...started.argv, image, ...argv],
    environment: started.environment,
    place: `in the container ${image}`,
    refusal: refusalByCode(
      new Map(started.refusals.map((code) => [code, /^(?:docker: |Error|FATAL)/])),
      DAEMON_LOST,
    ),
  };
}

type Started = Pick<LaunchPlan, "argv" | "environment"> & { readonly refusals: readonly number[] };

function dockerOrPodman(
  { runtime, gpus, options }: ContainerSettings,
  mounts: readonly Mount[],
  variables: Readonly<Record<string, string>>,
  session: string,
): Started {
  // What the worker writes has to be the user's own.
  const user =
    runtime === "docker"
      ? ["--user", `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`]
      : ["--userns", "keep-id"];
  const argv = [
    ...[runtime, "run", "--rm", "--init", "--name", `averse-${session}`, ...user],
    // Downloading gigabytes would look like a worker that does not answer.
    "--pull=never",
    ...gpuArguments(runtime, gpus),
    ...mounts.flatMap(({ from, to, readOnly }) => [
      "--mount",
      ["type=bind", `source=${from}`, `target=${to}`, ...(readOnly ? ["readonly"] : [])]
        .map(csvField)
        .join(","),
    ]),
    ...Object.entries(variables).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
    ...options,
  ];
  // The daemon or the image; the program in it cannot be run; there is no such program.
  return { argv, environment: {}, refusals: [125, 126, 127] };
}

/** A field that holds a comma stands in quotes, as in CSV. */
function csvField(field: string): string {
  return /[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

function gpuArguments(runtime: "docker" | "podman" | "apptainer", gpus: ContainerSettings["gpus"]) {
  if (gpus === "none") {
    return [];
  }
  if (runtime === "docker") {
    // Commas separate fields of this option's value: a list of devices stands in quotes.
    return ["--gpus", gpus === "all" ? "all" : `"device=${gpus.join(",")}"`];
  }
  const names = gpus === "all" ? ["all"] : gpus.map(String);
  return names.flatMap((name) => ["--device", `nvidia.com/gpu=${name}`]);
}

function apptainer(
  { gpus, options }: ContainerSettings,
  mounts: readonly Mount[],
  variables: Readonly<Record<string, string>>,
): Started {
  const { HOME: home, ...others } = variables;
  const devices = Array.isArray(gpus) ? { CUDA_VISIBLE_DEVICES: gpus.join(",") } : {};
  const argv = [
    ...["apptainer", "exec", "--cleanenv"],
    // It sets HOME itself, whatever the environment says.
    ...(home === undefined ? [] : ["--home", home]),
    ...(gpus === "none" ? [] : ["--nv"]),
    ...mounts.flatMap(({ from, to, readOnly }) => [
      "--bind",
      `${from}:${to}${readOnly ? ":ro" : ""}`,
    ]),
    ...options,
  ];
  // In its own variables and not as --env, which takes a comma for the end of a value.
  const environment = Object.fromEntries(
    Object.entries({ ...devices, ...others }).map(([name, value]) => [
      `APPTAINERENV_${name}`,
      value,
    ]),
  );
  return { argv, environment, refusals: [255] };
}
