/** What a backend needs of this machine, looked up in milliseconds: no worker is started. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { readAttachFile } from "../../worker/attach-file.js";
import { EnvironmentError } from "../../worker/contract.js";
import { fromHome, mountOf } from "../../worker/launchers/container.js";
import { sshTarget } from "../../worker/launchers/ssh.js";
import { pythonPath } from "../../worker/python-path.js";
import { strategyOf, type WorkerSpec } from "../../worker/spec.js";
import { type Finding, finding } from "./doctor-checks.js";
import { extraCommand, packageRoot, setupCommand } from "./package.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** What only a start can tell has `ok: null`. */
export function backendNeeds(spec: WorkerSpec, environment: Environment = process.env): Finding[] {
  if (spec.launcher === "ssh") return sshNeeds(spec.ssh!, environment);
  if (spec.launcher === "container") return containerNeeds(spec.container!, environment);
  if (spec.launcher === "slurm") return slurmNeeds(environment);
  if (spec.launcher === "ray") return rayNeeds(spec.ray!, environment);
  if (spec.launcher === "attach") return attachNeeds(spec.attach!);
  const [program = "", ...args] = spec.argv;
  return [
    ...(program === "{python}"
      ? []
      : [programNeed(program, environment, "Correct argv of its file.")]),
    ...([program, ...args].some((part) => part.includes("{python}"))
      ? [
          pythonNeed(environment),
          ...(strategyOf(spec) === "deepspeed" ? deepspeedNeed(environment) : []),
        ]
      : []),
  ];
}

/** Of the Python that the worker has; none where that is missing itself. */
function deepspeedNeed(environment: Environment): Finding[] {
  if (!pythonNeed(environment).ok) return [];
  const python = pythonPath(packageRoot, environment);
  const look = "import importlib.util as u, sys; sys.exit(u.find_spec('deepspeed') is None)";
  const { status } = spawnSync(python, ["-I", "-c", look], { timeout: 30_000 });
  return [
    finding(
      "deepspeed",
      status === 0,
      status === 0 ? "installed" : `not installed in ${python}`,
      `Install it: ${extraCommand("deepspeed")}.`,
    ),
  ];
}

function pythonNeed(environment: Environment): Finding {
  try {
    const python = pythonPath(packageRoot, environment);
    const remedy = `Correct AVERSE_PYTHON, or run \`${setupCommand}\`.`;
    return programNeed(python, environment, remedy, "Python");
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    return finding("Python", false, "no environment", `Run \`${setupCommand}\` once.`);
  }
}

function sshNeeds(ssh: NonNullable<WorkerSpec["ssh"]>, environment: Environment): Finding[] {
  const { identity } = ssh;
  const file = identity === null ? null : fromHome(identity);
  const remedy = "Make it with ssh-keygen and ssh-copy-id, or correct ssh.identity.";
  return [
    programNeed("ssh", environment, "Install the OpenSSH client (apt-get install openssh-client)."),
    ...(file === null
      ? []
      : [finding("key", existsSync(file), existsSync(file) ? file : `no ${file}`, remedy)]),
    finding("host", null, `${sshTarget(ssh)}, not tried`, ""),
  ];
}

function attachNeeds({ file }: NonNullable<WorkerSpec["attach"]>): Finding[] {
  try {
    const { host, ports } = readAttachFile(file);
    return [
      finding("keys", true, fromHome(file), ""),
      finding("workers", null, `${ports.length} at ${host}, not tried`, ""),
    ];
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    const remedy =
      "Make it with `averse backends keys FILE`, and start the worker with the same file.";
    return [finding("keys", false, error.message, remedy)];
  }
}

function rayNeeds(
  { address, client_python }: NonNullable<WorkerSpec["ray"]>,
  environment: Environment,
): Finding[] {
  const remedy = "Correct ray.client_python: a Python with the package ray.";
  return [
    client_python === null
      ? pythonNeed(environment)
      : programNeed(client_python, environment, remedy, "Python with ray"),
    finding("cluster", null, `${address}, not tried`, ""),
  ];
}

function slurmNeeds(environment: Environment): Finding[] {
  const remedy = "Run this on a machine that submits jobs, such as the cluster's login node.";
  return [
    ...["srun", "squeue", "scancel"].map((program) => programNeed(program, environment, remedy)),
    pythonNeed(environment),
    finding("cluster", null, "not tried", ""),
  ];
}

function containerNeeds(
  container: NonNullable<WorkerSpec["container"]>,
  environment: Environment,
): Finding[] {
  const { runtime, image, mounts } = container;
  return [
    programNeed(runtime, environment, `Install ${runtime}, or change container.runtime.`),
    ...mounts.map((mount) => {
      const { from } = mountOf(mount);
      const there = existsSync(from);
      return finding("mount", there, there ? from : `no ${from}`, "Correct container.mounts.");
    }),
    finding("image", null, `${image}, not tried`, ""),
  ];
}

function programNeed(
  program: string,
  environment: Environment,
  remedy: string,
  what = program,
): Finding {
  const found = programFile(program, environment.PATH ?? "");
  const missing = /[/\\]/.test(program) ? `no ${program}` : `no ${program} on PATH`;
  return finding(what, found !== null, found ?? missing, remedy);
}

/** @returns null: there is no such program, or it may not be run */
export function programFile(program: string, path: string): string | null {
  const places = /[/\\]/.test(program)
    ? [program]
    : path
        .split(delimiter)
        .filter((folder) => isAbsolute(folder))
        .map((folder) => join(folder, program));
  return places.find(isProgram) ?? null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
