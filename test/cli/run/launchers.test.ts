/** Whole runs through launchers: a stand-in for docker, and a real sshd and Slurm on this machine. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { pythonPath } from "../../../src/worker/python-path.js";
import { eventually } from "../../eventually.js";
import { type LoopbackSlurm, noSlurm, startSlurm } from "../../worker/launchers/loopback-slurm.js";
import { noSshd, startSshd } from "../../worker/launchers/loopback-sshd.js";
import { type StandInRay, writeStandInRay } from "../../worker/launchers/stand-in-ray.js";
import { averse, buildProgramFirst, root, scratch, start } from "../averse.js";

buildProgramFirst();

const python = pythonPath(root);

/** A worker's file in the scratch folder's own configs, with the fake engine. */
function backend(name: string, launcher: object, ...more: string[]): void {
  const folder = join(scratch, "configs", "workers");
  mkdirSync(folder, { recursive: true });
  const file = {
    name,
    argv: [
      ...["{python}", "-m", "averse_worker", "--endpoint", "{endpoint}", "--session", "{session}"],
      ...["--engine", "fake", "--heartbeat-timeout-ms", "10000", ...more],
    ],
    environment: { PYTHONPATH: "{root}/python" },
    ...launcher,
  };
  writeFileSync(join(folder, `${name}.yaml`), stringify(file));
}

/** A folder for PATH with this `docker` in it. */
function docker(name: string, script: string): string {
  const folder = join(scratch, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "docker"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return `${folder}${delimiter}${process.env.PATH}`;
}

function smoke(name: string, ...more: string[]): string[] {
  return ["run", "smoke", "--backend", name, "--run-dir", join(scratch, name), "--plain", ...more];
}

describe("launcher: container", { timeout: 90_000 }, () => {
  test("a run trains through docker, with its run folder mounted", async () => {
    backend("boxed", { launcher: "container", container: { image: "an-image", python } });
    const PATH = docker(
      "docker-that-execs",
      `printf '%s\\n' "$@" > ${join(scratch, "arguments")}
       while [ "$1" != an-image ]; do
         [ "$1" = --env ] && export "$2"
         shift
       done
       shift; exec "$@"`,
    );
    const { code, stdout } = await averse(smoke("boxed", "--set", "arms=sft"), { env: { PATH } });
    expect(code).toBe(0);
    expect(stdout).toContain("model exported to trials/sft-s0/model");
    const told = readFileSync(join(scratch, "arguments"), "utf8");
    const run = join(scratch, "boxed");
    expect(told).toContain(`type=bind,source=${run},target=${run}\n`);
  });

  test("docker's failure ends a run with 3, in docker's words", async () => {
    backend("boxless", { launcher: "container", container: { image: "an-image", python } });
    const words = "docker: Error response from daemon: No such image: an-image:latest.";
    const PATH = docker("docker-without-image", `echo '${words}' >&2; exit 125`);
    const settings = ["trials.restarts=0", "trials.parallel=1", "arms=sft"];
    const { code, stderr } = await averse(
      smoke("boxless", ...settings.flatMap((one) => ["--set", one])),
      { env: { PATH } },
    );
    expect(code).toBe(3);
    expect(stderr).toContain(
      `the worker "boxless" cannot be started in the container an-image: ${words}`,
    );
  });
});

describe("launcher: ray, with a stand-in for the package", { timeout: 240_000 }, () => {
  /** What a trial's worker said of its place, in order: `waiting` or `ready`. */
  const told = (stdout: string) =>
    stdout.split("\n").flatMap((line) => {
      const [, trial, word] = /^(\S+)\s+(waiting|worker ready)/.exec(line) ?? [];
      return trial === undefined ? [] : [`${trial} ${word}`];
    });

  test("trials side by side share one place, after a node died under the first", async () => {
    const folder = join(scratch, "stand-in-ray");
    mkdirSync(folder);
    writeStandInRay(folder);
    const stand: StandInRay = {
      RAY_PLACE: join(folder, "place"),
      RAY_NODE_DIED: join(folder, "died"),
    };
    const launcher = {
      ...{ launcher: "ray", ray: { python } },
      connection: { transport: "tcp", host: "127.0.0.1" },
      environment: { PYTHONPATH: `{root}/python${delimiter}${folder}`, ...stand },
    };
    backend("one-place", launcher, "--keys", "{keys}");
    const settings = [
      ...["arms=sft,rlhf,ra-rlhf,hard", "seeds=0,1", "training.iterations=2", "evaluation.every=0"],
      "trials.backoff_seconds=0.1",
    ].flatMap((one) => ["--set", one]);
    const { code, stdout } = await averse(smoke("one-place", ...settings));
    expect(code).toBe(0);
    // Eight ask at once for one place.
    expect(told(stdout).filter((line) => line.endsWith("waiting")).length).toBeGreaterThan(1);
    const events = eventsOf("one-place");
    expect(events.filter(({ type }) => type === "trial_finished")).toHaveLength(8);
    expect(events.filter(({ type }) => type === "worker_lost")).toMatchObject([
      { action: "open", message: expect.stringContaining("The node of the task died") },
    ]);
    expect(events.find(({ type }) => type === "worker_opened")).toMatchObject({ host: hostname() });
    expect((await averse(["verify", join(scratch, "one-place")])).code).toBe(0);
  });
});

describe.skipIf(noSshd !== null)(`launcher: ssh ${noSshd ?? ""}`, { timeout: 120_000 }, () => {
  test("a tunnel cut in mid-run costs a worker, which goes on from its checkpoint", async () => {
    const sshd = await startSshd();
    onTestFinished(() => sshd.stop());
    const folder = join(scratch, "remote-averse");
    mkdirSync(folder);
    symlinkSync(join(root, "python"), join(folder, "python"));
    const cache = join(scratch, "remote-cache");
    backend("tunnel", { launcher: "ssh", ssh: { ...sshd.settings, folder, python, cache } });
    const settings = [
      ...["arms=rlhf", "trials.parallel=1", "trials.backoff_seconds=0.1"],
      ...["training.iterations=40", "checkpoint.every=3", "evaluation.every=0"],
    ].flatMap((one) => ["--set", one]);
    const running = start([...smoke("tunnel", ...settings), "--json"]);
    await running.saying('"trial":"rlhf-s0","type":"checkpoint_saved"');
    sshd.cut();
    expect((await running.finished).code).toBe(0);
    const events = eventsOf("tunnel");
    expect(events.filter(({ type }) => type === "worker_lost")).toMatchObject([
      { message: expect.stringContaining('the worker "tunnel" on') },
    ]);
    expect(events.filter(({ type }) => type === "restored")).toHaveLength(1);
    expect(new Set(events.flatMap(({ type, step }) => (type === "step" ? [step] : []))).size).toBe(
      40,
    );
  });
});

describe.skipIf(noSlurm !== null)(`launcher: slurm ${noSlurm ?? ""}`, { timeout: 240_000 }, () => {
  let slurm: LoopbackSlurm;
  beforeAll(async () => {
    slurm = await startSlurm();
    slurmBackend("cluster", {});
  }, 60_000);
  afterAll(() => slurm.stop());
  const settings = [
    ...["arms=rlhf", "trials.parallel=1", "trials.backoff_seconds=0.1"],
    ...["training.iterations=100", "checkpoint.every=3", "evaluation.every=0"],
  ].flatMap((one) => ["--set", one]);
  const clusterRun = (name: string, ...more: string[]) => [
    ...["run", "smoke", "--backend", "cluster", "--run-dir", join(scratch, name), ...more],
  ];
  const slurmBackend = (name: string, more: object) =>
    backend(
      name,
      {
        launcher: "slurm",
        slurm: { python, ...more },
        connection: { transport: "tcp", host: "127.0.0.1" },
      },
      ...["--keys", "{keys}"],
    );
  const ours = () =>
    slurm
      .ask("squeue", "--noheader", "--format=%j %T")
      .split("\n")
      .filter((line) => line.startsWith("averse-"));

  test("a job cancelled in mid-run costs a worker, and the next job goes on from the checkpoint", async () => {
    const running = start(clusterRun("cancelled", ...settings, "--plain", "--json"), {
      env: slurm.environment,
    });
    await running.saying('"trial":"rlhf-s0","type":"checkpoint_saved"');
    const [job = ""] = ours();
    slurm.ask("scancel", `--name=${job.split(" ")[0]}`);
    expect((await running.finished).code).toBe(0);
    const events = eventsOf("cancelled");
    expect(events.filter(({ type }) => type === "worker_lost")).toMatchObject([
      {
        message: expect.stringMatching(/the worker "cluster" under Slurm was lost .*CANCELLED AT/),
      },
    ]);
    expect(events.filter(({ type }) => type === "restored")).toHaveLength(1);
    expect(new Set(events.flatMap(({ type, step }) => (type === "step" ? [step] : []))).size).toBe(
      100,
    );
    expect(ours()).toEqual([]);
  });

  test("a job cancelled in the queue costs a try, and the next job runs", async () => {
    const free = await slurm.occupy();
    onTestFinished(free);
    const short = ["--set", "arms=sft", "--set", "evaluation.every=0"];
    const running = start(clusterRun("unqueued", ...settings, ...short, "--plain"), {
      env: slurm.environment,
    });
    await running.saying("waiting for a worker: job ");
    slurm.ask("scancel", `--name=${ours()[0]!.split(" ")[0]}`);
    await running.saying("restart 1 from");
    free();
    expect((await running.finished).code).toBe(0);
    const events = eventsOf("unqueued");
    expect(events.find(({ type }) => type === "worker_opened")).toMatchObject({ host: hostname() });
    expect(events.filter(({ type }) => type === "worker_lost")).toMatchObject([
      {
        action: "open",
        message:
          'the worker "cluster" under Slurm was lost while it was starting: srun: Job has been cancelled',
      },
    ]);
  });

  test("a refused job ends a run with 3, in Slurm's words", async () => {
    slurmBackend("refused", { partition: "gpu" });
    const only = ["--set", "arms=sft", "--set", "trials.parallel=1", "--plain"];
    const { code, stderr } = await averse(
      [...["run", "smoke", "--backend", "refused"], "--run-dir", join(scratch, "refused"), ...only],
      { env: slurm.environment },
    );
    expect(code).toBe(3);
    expect(stderr).toContain(
      'the worker "refused" cannot be started under Slurm: srun: error: Unable to allocate resources: ' +
        "Invalid partition name specified",
    );
  });

  test("a controller that is killed while its job waits takes the job off the queue", async () => {
    const free = await slurm.occupy();
    onTestFinished(free);
    const running = start(clusterRun("killed", ...settings, "--plain"), { env: slurm.environment });
    onTestFinished(() => void running.child.kill("SIGKILL"));
    await running.saying("waiting for a worker: job ");
    expect(ours()).toHaveLength(1);
    running.child.kill("SIGKILL");
    await running.finished;
    await eventually(() => expect(ours()).toEqual([]));
  });
});

describe("launcher: attach", { timeout: 120_000 }, () => {
  test("a worker killed in mid-run is replaced, and stays for the next run", async () => {
    const file = join(scratch, "attach.json");
    const port = String(attachPort(0));
    const keys = await averse(["backends", "keys", file, "--port", port]);
    expect(keys.code).toBe(0);
    expect(keys.stdout).toContain(`python -m averse_worker --attach ${file} --engine torch`);
    backend("attached", { launcher: "attach", attach: { file } });
    const worker = spawn(python, ["-m", "averse_worker", "--attach", file, "--engine", "fake"], {
      stdio: "ignore",
      env: { ...process.env, PYTHONPATH: join(root, "python") },
    });
    onTestFinished(() => void worker.kill());
    const settings = [
      ...["arms=rlhf", "trials.backoff_seconds=0.1", "training.iterations=100"],
      ...["checkpoint.every=3", "evaluation.every=0"],
    ].flatMap((one) => ["--set", one]);
    const running = start([...smoke("attached", ...settings), "--json"]);
    await running.saying('"trial":"rlhf-s0","type":"checkpoint_saved"');
    const { pid } = eventsOf("attached").findLast(({ type }) => type === "worker_opened")!;
    process.kill(pid as number, "SIGKILL");
    expect((await running.finished).code).toBe(0);
    const events = eventsOf("attached");
    expect(events.filter(({ type }) => type === "worker_lost")).toMatchObject([
      {
        message: expect.stringMatching(
          / at tcp:\S+ was lost .*: the connection ended; its own output says why$/,
        ),
      },
    ]);
    expect(events.filter(({ type }) => type === "restored")).toHaveLength(1);
    expect(worker.exitCode).toBeNull();
  });

  test("workers that die before their hello are replaced, and end the run with 3 where all do", {
    timeout: 240_000,
  }, async () => {
    const file = join(scratch, "dying.json");
    await averse(["backends", "keys", file, "--port", String(attachPort(2))]);
    backend("dying", { launcher: "attach", attach: { file } });
    const ends = join(scratch, "ends");
    const own = join(root, "test", "worker", "lost-before-hello");
    const worker = spawn(python, ["-m", "averse_worker", "--attach", file, "--engine", "fake"], {
      stdio: "ignore",
      env: {
        ...process.env,
        PYTHONPATH: [own, join(root, "python")].join(delimiter),
        AVERSE_TEST_ENDS: ends,
      },
    });
    onTestFinished(() => void worker.kill());
    const sets = ["arms=sft", "trials.backoff_seconds=0.1", "trials.restarts=1"];
    const settings = sets.flatMap((one) => ["--set", one]);
    writeFileSync(ends, "SIGKILL SIGKILL");
    const ended = await averse(smoke("dying", ...settings));
    expect(ended.code).toBe(3);
    expect(ended.stderr).toMatch(
      /the worker "dying" at tcp:\S+ was lost while it was starting: the connection ended; its own output says why/,
    );
    // The first is replaced; what the second's loss ends is told by the run's own end.
    expect(eventsOf("dying").filter(({ type }) => type === "worker_lost")).toHaveLength(1);
    writeFileSync(ends, "SIGKILL");
    expect((await averse(["resume", join(scratch, "dying"), "--plain"])).code).toBe(0);
  });
});

test("a worker of another protocol ends a run with 3, and what to do", {
  timeout: 60_000,
}, async () => {
  const file = join(scratch, "older.json");
  const port = String(attachPort(1));
  await averse(["backends", "keys", file, "--port", port]);
  backend("older", { launcher: "attach", attach: { file } });
  // Before anything else reads the number.
  const older = join(scratch, "older-release");
  mkdirSync(older);
  writeFileSync(
    join(older, "sitecustomize.py"),
    "from averse_worker.wire.messages import envelope\nenvelope.PROTOCOL_VERSION -= 1\n",
  );
  const worker = spawn(python, ["-m", "averse_worker", "--attach", file, "--engine", "fake"], {
    stdio: "ignore",
    env: { ...process.env, PYTHONPATH: [older, join(root, "python")].join(delimiter) },
  });
  onTestFinished(() => void worker.kill());
  const { code, stderr } = await averse(smoke("older", "--set", "arms=sft"));
  expect(code).toBe(3);
  expect(stderr).toMatch(
    /the worker \(averse_worker \S+\) speaks protocol \d+, this controller \(averse \S+\) speaks \d+: the worker is older; .*, and start the worker again \(worker "older" at tcp:\S+\)/,
  );
});

/** Under those that the system gives to outgoing connections, one of which may have it just now. */
function attachPort(which: 0 | 1 | 2): number {
  return 20_000 + 3 * (process.pid % 3000) + which;
}

type Event = Readonly<Record<string, unknown>>;

function eventsOf(run: string): Event[] {
  const lines = readFileSync(join(scratch, run, "journal.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as Event);
}
