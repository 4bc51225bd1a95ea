/** The backends that this machine can start, each as a user would set it up. */
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { backendNeeds } from "../../src/cli/machine/backend-needs.js";
import { pythonPath } from "../../src/worker/python-path.js";
import { readWorkerSpec, type WorkerSpec } from "../../src/worker/spec.js";
import { noSlurm, startSlurm } from "../worker/launchers/loopback-slurm.js";
import { noSshd, startSshd } from "../worker/launchers/loopback-sshd.js";
import { noRay, startRay } from "../worker/launchers/ray-cluster.js";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const program = join(root, "dist", "main.js");

/** A backend whose other side, a daemon or a cluster, is there. */
export interface Started {
  /** What `--backend` takes. */
  readonly backend: string;
  /** Added to the environment of `averse`. */
  readonly env: Readonly<Record<string, string>>;
  stop(): unknown;
}

export interface Backend {
  readonly name: string;
  /** Why this machine cannot start it; null: it can. */
  readonly missing: string | null;
  /** Options of `averse run` beside `--backend`. */
  readonly options: readonly string[];
  /** Whether its results are promised to have the bits of `local` on the same machine. */
  readonly asLocal: boolean;
  /** Processes of one worker. */
  readonly ranks: number;
  /** @param folder for its files, a short path */
  start(folder: string): Promise<Started>;
}

const loopback = "127.0.0.1";

/** Of a worker that is started by hand, as its shipped file would set it. */
const quiet = { PYTHONUNBUFFERED: "1", TOKENIZERS_PARALLELISM: "false" };

/** `fake` computes nothing and costs nothing: it shows that launchers work. */
export type EngineName = "torch" | "fake";

export function backendsFor(engine: EngineName): readonly Backend[] {
  const read = (name: string): WorkerSpec => {
    const spec = readWorkerSpec(name, root);
    if (engine === "torch") return spec;
    const [first, ...rest] = spec.argv;
    const argv = rest.map((word) => (word === "torch" ? engine : word));
    return { ...spec, models: "other", argv: [first, ...argv] };
  };
  const ofTorch = engine === "torch" ? null : "it is torch's";
  return [
    shipped(engine === "torch" ? "local" : engine, { name: "local", asLocal: true }),
    shipped("distributed", { missing: ofTorch, ranks: 2 }),
    shipped("accelerate", { missing: ofTorch, ranks: 2 }),
    shipped("fsdp", { missing: ofTorch, ranks: 2 }),
    shipped("deepspeed", { missing: ofTorch ?? noDeepspeed(), ranks: 2 }),
    shipped("trl", { name: "trl-grpo", missing: ofTorch }),
    shipped("trl", {
      name: "trl-rloo",
      missing: ofTorch,
      options: ["--set", "backend.engine_options.trainer=rloo"],
    }),
    elsewhere("ssh", noSshd, async (folder) => {
      const sshd = await startSshd();
      const cache = join(folder, "cache");
      const ssh = { ...sshd.settings, folder: root, python: python(), cache };
      const spec = read("remote");
      const backend = write(folder, { ...spec, ssh: { ...spec.ssh!, ...ssh } });
      return { backend, env: {}, stop: () => sshd.stop() };
    }),
    elsewhere("slurm", noSlurm, async (folder) => {
      const slurm = await startSlurm();
      const backend = write(folder, overTcp(read("slurm")));
      return { backend, env: slurm.environment, stop: () => slurm.stop() };
    }),
    elsewhere("ray", noRay, async (folder) => {
      const { address, python: client_python, stop } = await startRay();
      const spec = overTcp(read("ray"));
      const backend = write(folder, { ...spec, ray: { ...spec.ray!, address, client_python } });
      return { backend, env: {}, stop };
    }),
    elsewhere("attach", null, async (folder) => {
      const file = join(folder, "attach.json");
      const port = String(await freePort());
      const keys = ["backends", "keys", file, "--host", loopback, "--port", port];
      const { status, stderr } = spawnSync(process.execPath, [program, ...keys], {
        encoding: "utf8",
      });
      if (status !== 0) throw new Error(`averse backends keys ends with ${status}: ${stderr}`);
      const spec = read("attach");
      const backend = write(folder, { ...spec, attach: { file } });
      const argv = ["-m", "averse_worker", "--attach", file, "--engine", engine];
      const worker = spawn(python(), argv, {
        stdio: "ignore",
        env: { ...process.env, PYTHONPATH: join(root, "python"), ...quiet },
      });
      const ended = new Promise((resolve) => worker.once("exit", resolve));
      const stop = async () => {
        worker.kill();
        await ended;
      };
      return { backend, env: {}, stop };
    }),
  ];
}

/** A file of the package, as it is. */
function shipped(file: string, more: Partial<Backend>): Backend {
  const start = async () => ({ backend: file, env: {}, stop: () => {} });
  return { name: file, missing: null, options: [], asLocal: false, ranks: 1, start, ...more };
}

/** The engine of `local`, started by something else. */
function elsewhere(name: string, missing: string | null, start: Backend["start"]): Backend {
  return { name, missing, options: [], asLocal: true, ranks: 1, start };
}

function overTcp(spec: WorkerSpec): WorkerSpec {
  return { ...spec, connection: { ...spec.connection, host: loopback } };
}

/** JSON is YAML. @returns the file */
function write(folder: string, spec: WorkerSpec): string {
  const file = join(folder, `${spec.name}.yaml`);
  writeFileSync(file, JSON.stringify(spec));
  return file;
}

function noDeepspeed(): string | null {
  const need = backendNeeds(readWorkerSpec("deepspeed", root)).find(({ ok }) => ok === false);
  return need === undefined ? null : `${need.what} ${need.found}`;
}

function python(): string {
  return pythonPath(root);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, loopback, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
