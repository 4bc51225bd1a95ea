/**
 * A real Slurm of one node with two cores on this machine, for as long as a test takes. Jobs of the partition
 * `urgent` take the place of others.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { hostname, tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { programFile } from "../../../src/cli/machine/backend-needs.js";
import { eventually } from "../../eventually.js";

const PATH = [process.env.PATH, "/usr/sbin", "/usr/local/sbin"].join(delimiter);
const missing = ["munged", "slurmctld", "slurmd", "srun"].filter(
  (program) => programFile(program, PATH) === null,
);

/** Why there is none; null: it can be started. */
export const noSlurm =
  missing.length > 0 ? `no ${missing.join(", ")} (apt-get install slurm-wlm munge)` : null;

export interface LoopbackSlurm {
  /** Variables for srun and its like. */
  readonly environment: { readonly SLURM_CONF: string };
  /** Runs one of Slurm's commands. @returns its standard output */
  ask(program: string, ...args: string[]): string;
  /** Takes both cores; resolves once they are taken. @returns gives them back */
  occupy(): Promise<() => void>;
  stop(): Promise<void>;
}

export async function startSlurm(): Promise<LoopbackSlurm> {
  const folder = mkdtempSync(join(tmpdir(), "averse-slurm-"));
  const file = (name: string) => join(folder, name);
  for (const name of ["state", "spool"]) mkdirSync(file(name));
  writeFileSync(file("munge.key"), randomBytes(1024), { mode: 0o600 });
  const node = hostname().split(".")[0]!;
  const user = userInfo().username;
  const configuration = {
    ClusterName: "averse",
    SlurmctldHost: `${node}(127.0.0.1)`,
    SlurmctldPort: String(await freePort()),
    SlurmdPort: String(await freePort()),
    SlurmUser: user,
    SlurmdUser: user,
    AuthType: "auth/munge",
    AuthInfo: `socket=${file("munge.sock")}`,
    CredType: "cred/munge",
    StateSaveLocation: file("state"),
    SlurmdSpoolDir: file("spool"),
    SlurmctldPidFile: file("slurmctld.pid"),
    SlurmdPidFile: file("slurmd.pid"),
    SlurmctldLogFile: file("slurmctld.log"),
    SlurmdLogFile: file("slurmd.log"),
    ProctrackType: "proctrack/linuxproc",
    TaskPlugin: "task/none",
    SelectType: "select/cons_tres",
    SelectTypeParameters: "CR_Core_Memory",
    DefMemPerCPU: "400",
    AccountingStorageType: "accounting_storage/none",
    // Jobs that need more memory than they asked for are ended.
    JobAcctGatherType: "jobacct_gather/linux",
    JobAcctGatherFrequency: "task=1",
    JobAcctGatherParams: "OverMemoryKill",
    PreemptType: "preempt/partition_prio",
    PreemptMode: "CANCEL",
    SwitchType: "switch/none",
    MpiDefault: "none",
    ReturnToService: "2",
    KillWait: "2",
    NodeName: `${node} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN`,
    PartitionName: `averse Nodes=${node} Default=YES MaxTime=INFINITE State=UP`,
  };
  const SLURM_CONF = file("slurm.conf");
  const lines = Object.entries(configuration).map(([key, value]) => `${key}=${value}\n`);
  lines.push(`PartitionName=urgent Nodes=${node} PriorityTier=2 MaxTime=INFINITE State=UP\n`);
  writeFileSync(SLURM_CONF, lines.join(""));
  const env = { ...process.env, PATH, SLURM_CONF };
  const ask = (program: string, ...args: string[]): string =>
    spawnSync(program, args, { encoding: "utf8", env }).stdout.trim();
  const daemons: ChildProcess[] = [];
  const start = (program: string, ...args: string[]): void => {
    daemons.push(spawn(program, args, { stdio: "ignore", env }));
  };
  start(
    ...(["munged", "--foreground", "--force", `--socket=${file("munge.sock")}`] as const),
    ...[`--key-file=${file("munge.key")}`, `--pid-file=${file("munge.pid")}`],
    ...[`--log-file=${file("munge.log")}`, `--seed-file=${file("munge.seed")}`],
  );
  await eventually(() => {
    if (!existsSync(file("munge.sock"))) throw new Error("munged does not listen");
  });
  start("slurmctld", "-D");
  start("slurmd", "-D");
  await eventually(() => {
    const state = ask("sinfo", "--noheader", "--format=%T");
    if (state !== "idle") throw new Error(`the node is ${state || "away"}${logs(folder)}`);
  });
  return {
    environment: { SLURM_CONF },
    ask,
    occupy: async () => {
      const holder = spawn("srun", ["--cpus-per-task=2", "--job-name=holder", "sleep", "600"], {
        stdio: "ignore",
        env,
      });
      await eventually(() => {
        const state = ask("squeue", "--noheader", "--name=holder", "--format=%T");
        if (state !== "RUNNING") throw new Error(`the holder is ${state}`);
      });
      return () => void holder.kill();
    },
    stop: async () => {
      ask("scancel", `--user=${user}`);
      for (const daemon of daemons.reverse()) {
        const ended = new Promise((resolve) => daemon.once("exit", resolve));
        if (daemon.exitCode === null && daemon.kill()) await ended;
      }
      rmSync(folder, { recursive: true });
    },
  };
}

function logs(folder: string): string {
  const names = ["slurmctld.log", "slurmd.log"].map((name) => join(folder, name));
  return names
    .filter(existsSync)
    .map((name) => `\n${readFileSync(name, "utf8").split("\n").slice(-5).join("\n")}`)
    .join("");
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
