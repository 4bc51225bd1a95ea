/**
 * A worker on another machine, where nothing but sshd is needed: ssh starts it, and its socket comes
 * through the same connection. `-R` makes a Unix socket over there that leads to the controller's, so
 * that no port is open to anybody and no further key is needed.
 *
 *     controller ══ ipc ══ ssh ─────────── encrypted ─────────── sshd ══ ipc ══ worker
 *
 * Models, data, checkpoints and exports travel through ssh as well (`ssh-folders.ts`), or lie in folders
 * that both machines share under the same path, which is tried before the worker starts.
 */
import { z } from "zod";
import { shellQuoted } from "../../text/shell-quote.js";
import {
  type LaunchPlace,
  type LaunchPlan,
  NOT_STARTED,
  OWN,
  orEnd,
  probeSteps,
  probesOf,
  refusalByCode,
  startsAtOnce,
  type WorkerCommand,
} from "./launch-plan.js";

const text = z.string().min(1);

export const sshSchema = z.strictObject({
  host: text
    .regex(/^[^\s@-][^\s@]*$/, "a host, or a name from ~/.ssh/config")
    .describe("as for ssh: a host, or a name from ~/.ssh/config"),
  user: text
    .regex(/^[^\s@-][^\s@]*$/, "a user's name")
    .nullable()
    .default(null)
    .describe("null: ssh's choice"),
  port: z.int().min(1).max(65_535).nullable().default(null).describe("null: ssh's choice"),
  identity: text
    .regex(/^(\/|~\/)/, "an absolute path, or one that begins with ~/")
    .nullable()
    .default(null)
    .describe("file of the private key, which must need no passphrase; null: ssh's choice"),
  folder: text
    .regex(/^[^-]/, "a folder")
    .describe("the package's folder there: absolute, or from the home folder"),
  python: text
    .default(".venv/bin/python")
    .describe("Python there, with the worker's packages: from that folder, absolute, or on PATH"),
  options: z
    .array(z.string())
    .default([])
    .describe("further arguments of ssh, as in [-J, gateway]"),
  files: z
    .enum(["copied", "shared"])
    .default("copied")
    .describe("shared: both machines have the folders of runs, artifacts and models, same paths"),
  cache: text
    .regex(/^(\/|~\/)/, "an absolute path, or one that begins with ~/")
    .default("~/.cache/averse")
    .describe("folder there for what is copied"),
  cache_gb: z
    .number()
    .positive()
    .default(50)
    .describe("of the cache; the least recently used goes"),
});

export type SshSettings = z.infer<typeof sshSchema>;

/** As a user writes it. */
export function sshTarget({ user, host }: Pick<SshSettings, "user" | "host">): string {
  return user === null ? host : `${user}@${host}`;
}

/** ssh's own failures. */
const SSH_FAILED = 255;

/** What ssh says of a connection that there was; one that cannot be made is the settings' fault. */
const CONNECTION_LOST =
  /^(?:Connection (?:to|reset)|Read from remote host|Timeout, server|client_loop: |kex_exchange_identification: )/;

/** ssh with the remote command line as its last argument. */
export function sshPlan(
  settings: SshSettings,
  place: LaunchPlace,
  command: WorkerCommand,
): LaunchPlan {
  const { folder, python, files, cache } = settings;
  const socket = `/tmp/averse-${place.session}.sock`;
  const target = sshTarget(settings);
  const remote = remoteCommand({
    folder: fromThere(folder),
    target,
    leftovers: [
      // sshd leaves it there.
      `rm -f ${socket}`,
      ...(files === "copied" ? [`rm -rf ${inShell(cache)}/sessions/${place.session}`] : []),
    ],
    probes: files === "shared" ? probeSteps(place, target, ", or set ssh.files: copied") : [],
    ...command({ python: () => python, root: ".", endpoint: `ipc://${socket}` }),
  });
  return {
    ...startsAtOnce,
    argv: sshArguments(settings, remote, [
      "-R",
      `${socket}:${place.endpoint.slice("ipc://".length)}`,
    ]),
    environment: {},
    place: `on ${target}`,
    refusal: refusalByCode(
      new Map([
        [SSH_FAILED, /^(?:ssh|Error|Host key|\S+: Permission)/],
        [NOT_STARTED, new RegExp(`^${OWN}`)],
      ]),
      CONNECTION_LOST,
    ),
    probes: files === "shared" ? probesOf(place) : [],
  };
}

/** Starts the cache of files over there, which is asked through standard input. */
export function cacheCommand(settings: SshSettings): string[] {
  const { folder, python, cache } = settings;
  const own = "python/averse_worker/platform/file_cache.py";
  const started = (...program: string[]) =>
    ["exec", python, ...program, cache].map(shellQuoted).join(" ");
  const steps = [
    `cd ${shellQuoted(fromThere(folder))}`,
    // Without the package's folder there is the wheel, averse-worker.
    `if [ -e ${own} ]; then ${started("-IS", own)}; else ${started("-I", "-m", "averse_worker.platform.file_cache")}; fi`,
  ];
  return sshArguments(settings, `exec sh -c ${shellQuoted(steps.join(" && "))}`, []);
}

function sshArguments(
  { host, user, port, identity, options }: SshSettings,
  remote: string,
  tunnel: readonly string[],
): string[] {
  return [
    "ssh",
    ...["-T", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes"],
    // A connection that is shared with other commands would keep the tunnel when this one ends.
    ...["-o", "ControlMaster=no", "-o", "ControlPath=none"],
    ...tunnel,
    ...(port === null ? [] : ["-p", String(port)]),
    ...(user === null ? [] : ["-l", user]),
    ...(identity === null ? [] : ["-i", identity, "-o", "IdentitiesOnly=yes"]),
    ...options,
    // Of an option that is given twice ssh takes the first: the user's, then these.
    ...["-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"],
    "--",
    host,
    remote,
  ];
}

/** A login begins in the home folder. */
function fromThere(folder: string): string {
  return folder.replace(/^~\/(?=.)/, "");
}

/** A folder as a word of a shell that may be anywhere by now. */
function inShell(folder: string): string {
  const inHome = folder.startsWith("~/");
  return inHome ? `"$HOME"/${shellQuoted(folder.slice(2))}` : shellQuoted(folder);
}

function remoteCommand(remote: {
  readonly folder: string;
  readonly target: string;
  /** Steps for its end. */
  readonly leftovers: readonly string[];
  /** Steps that try the shared folders. */
  readonly probes: readonly string[];
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}): string {
  const { folder, target, leftovers, probes, argv, environment } = remote;
  const steps = [
    `trap ${shellQuoted(leftovers.join("; "))} EXIT`,
    orEnd(
      `cd ${shellQuoted(folder)}`,
      `${target} has no folder ${folder}; correct ssh.folder of the worker's file`,
    ),
    ...probes,
    [
      ...Object.entries(environment).map(([name, value]) => `${name}=${shellQuoted(value)}`),
      ...argv.map(shellQuoted),
    ].join(" "),
  ];
  // The login shell may be any; `sh` is one that we know.
  return `exec sh -c ${shellQuoted(steps.join("; "))}`;
}
