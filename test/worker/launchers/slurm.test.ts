import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { builtinLoad } from "../../../src/worker/conformance/payloads.js";
import { WorkerLost } from "../../../src/worker/contract.js";
import type { LaunchPlace } from "../../../src/worker/launchers/launch-plan.js";
import { type SlurmSettings, slurmPlan, slurmSchema } from "../../../src/worker/launchers/slurm.js";
import { openSession } from "../../../src/worker/session.js";
import { readWorkerSpec, type WorkerSpec } from "../../../src/worker/spec.js";
import { eventually } from "../../eventually.js";
import { workerContract } from "../contract.js";
import { processesWith } from "../processes.js";
import { type LoopbackSlurm, noSlurm, startSlurm } from "./loopback-slurm.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

const place: LaunchPlace = {
  root: "/here",
  endpoint: "tcp://login:4000",
  session: "1234",
  keys: "/tmp/own/keys.json",
  temporary: null,
  shared: ["/data/runs/a b"],
};

function planOf(settings: Partial<SlurmSettings> = {}) {
  return slurmPlan(
    slurmSchema.parse(settings),
    place,
    ({ python, endpoint, keys }) => ({
      argv: [python(), "-m", "averse_worker", endpoint, keys!],
      environment: { PYTHONPATH: "/here/python" },
    }),
    () => "/here/.venv/bin/python",
  );
}

/** As shipped, with the fake engine; loopback is enough for one machine. */
const shipped = readWorkerSpec("slurm", root);
const spec: WorkerSpec = {
  ...shipped,
  argv: shipped.argv.map((part) => (part === "torch" ? "fake" : part)) as WorkerSpec["argv"],
  connection: { ...shipped.connection, host: "127.0.0.1" },
};

describe("the argument list of srun", () => {
  test("has the job's name, the keys for standard input, and the resources that the file names", () => {
    const { argv, environment, release, queue } = planOf({
      ...{ partition: "gpu", account: "me", time: "4:00:00", gpus: "a100:1", cpus: 8 },
      ...{ memory: "64G", options: ["--qos", "high"] },
    });
    expect(argv.slice(4, -3)).toEqual([
      ...["srun", "--job-name=averse-1234", "--ntasks=1", "--signal=USR2@120"],
      ...["--partition=gpu", "--account=me", "--time=4:00:00", "--gpus=a100:1"],
      ...["--cpus-per-task=8", "--mem=64G", "--input=/tmp/own/keys.json", "--qos", "high"],
    ]);
    expect(argv.slice(-3, -1)).toEqual(["sh", "-c"]);
    expect(argv.at(-1)).toMatch(/^trap '' USR2; rm '\/data\/runs\/a b\/\.averse-probe-1234' /);
    expect(argv.at(-1)).toMatch(
      /; exec \/here\/\.venv\/bin\/python -m averse_worker tcp:\/\/login:4000 -$/,
    );
    expect(environment).toEqual({ PYTHONPATH: "/here/python" });
    expect(release).toContain("--name=averse-1234");
    expect(queue!.state).toContain("--name=averse-1234");
  });

  test("of sbatch go to the driver of a batch job, which tells its state", () => {
    const { argv, probes, queue, release } = planOf({ submit: "sbatch", time: "4:00:00" });
    expect(argv.at(-2)).toBe("/here/python/averse_worker/platform/slurm_batch.py");
    const output = "/data/runs/a b/.averse-job-1234.log";
    expect(JSON.parse(argv.at(-1)!)).toMatchObject({
      options: [
        ...["--job-name=averse-1234", "--ntasks=1", "--signal=B:USR2@120", "--time=4:00:00"],
        ...["--no-requeue", `--output=${output}`],
      ],
      ...{ keys: "/tmp/own/keys.json", output },
    });
    expect(probes).toContain(output);
    expect(queue!.turn("job 8 PENDING (Priority)")).toBe("waits");
    expect(queue!.turn("job 8 RUNNING (None)")).toBe("runs");
    expect(release).toContain("--name=averse-1234");
  });

  test("asks for nothing that the file does not name", () => {
    expect(planOf().argv.join(" ")).not.toMatch(/--(?:partition|account|time|gpus|mem|cpus)/);
  });

  test.each([
    [{ time: "soon" }, "time"],
    [{ partition: "--gpus=8" }, "partition"],
    [{ gpus: 0 }, "gpus"],
    [{ memory: "6 G" }, "memory"],
  ])("%j is refused", (settings, key) => {
    expect(slurmSchema.safeParse(settings).error!.issues[0]!.path).toEqual([key]);
  });
});

const CANCELLED = "slurmstepd-n1: error: *** STEP 9.0 ON n1 CANCELLED AT NOW";

describe("what srun and slurmstepd say", () => {
  test.each([
    ["srun: error: Unable to allocate resources: Invalid partition name specified", false],
    [`${CANCELLED} DUE TO TIME LIMIT ***`, true],
    ["slurmstepd: error: *** JOB 9 ON n1 CANCELLED AT NOW DUE TO PREEMPTION ***", true],
    ["srun: error: Node failure on n1", true],
    ["srun: error: n1: task 0: Out Of Memory", false],
    ["srun: Job allocation 10 has been revoked", true],
    ["sbatch: error: Batch job submission failed: Invalid partition name specified", false],
    ["srun: error: Invalid generic resource (gres) specification", false],
    ["averse: /runs is not shared with the node that Slurm chose", false],
  ])("%s: is Slurm's own end, which may pass: %j", (words, passing) => {
    expect(planOf().refusal(1, ["words", words])).toEqual({ words, passing });
  });

  test.each([
    [
      "of a job taken away before its first step",
      1,
      ["srun: error: Unable to create step for job 7: Job/step already completing or completed"],
    ],
    ["of a job that ran", 143, [`${CANCELLED} ***`, "srun: error: n1: task 0: Terminated"]],
    [
      "of a job in the queue",
      ...([
        1,
        [
          "srun: Job has been cancelled",
          "srun: error: Unable to allocate resources: Job/step already completing or completed",
        ],
      ] as const),
    ],
    ["of a node that failed", 0, ["srun: error: Node failure on n1"]],
  ] as const)(
    "what Slurm did comes before how srun or the worker ended of it: %s",
    (_, code, lines) => {
      expect(planOf().refusal(code, ["words", ...lines])).toEqual({
        words: lines[0],
        passing: true,
      });
    },
  );

  test("a job that was too big is one, also where it was cancelled for it", () => {
    const words = "slurmstepd: error: StepId=9.0 exceeded memory limit (3 > 2), being killed";
    expect(planOf().refusal(137, [words, `${CANCELLED} ***`])).toEqual({ words, passing: false });
  });

  test("the driver of a batch job tells by its code whether the state may pass", () => {
    const words = "averse: job 9 was ended by Slurm: NODE_FAIL";
    const { refusal } = planOf({ submit: "sbatch" });
    expect(refusal(97, [words])).toEqual({ words, passing: true });
    expect(refusal(96, [words])).toEqual({ words, passing: false });
  });

  test("a worker's own end is not Slurm's, and its words are the last", () => {
    const lines = ["No module named torch", "srun: error: n1: task 0: Exited with exit code 1"];
    const { refusal, afterwords } = planOf();
    expect(refusal(1, lines)).toBeNull();
    expect(lines.findLast((line) => !afterwords!.test(line))).toBe("No module named torch");
  });

  test("a job's turn is heard", () => {
    const { turn } = planOf().queue!;
    expect(turn("srun: job 8 queued and waiting for resources")).toBe("waits");
    expect(turn("srun: job 8 has been allocated resources")).toBe("runs");
    expect(turn("srun: error: words")).toBeNull();
  });
});

/** Does what srun does with its arguments, less the cluster. */
const SRUN = `
for word; do
  shift
  case "$word" in
    --input=*) exec <"\${word#--input=}" ;;
    sh) exec sh "$@" ;;
  esac
done`;

describe("a stand-in for srun", { timeout: 60_000 }, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "averse-srun-"));
    vi.stubEnv("PATH", `${folder}${delimiter}${process.env.PATH}`);
    for (const name of ["squeue", "scancel"]) {
      program(name, `echo "$@" >>${folder}/${name}.log; echo 'job 7 PENDING (Priority)'`);
    }
    program("srun", SRUN);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  const program = (name: string, script: string) =>
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

  workerContract(() => openSession(spec, { root }));

  test("the time to start does not run while the job waits, and the queue's state is told", async () => {
    program(
      "srun",
      `echo 'srun: job 7 queued and waiting for resources' >&2
       while [ ! -e ${folder}/turn ]; do sleep 0.05; done
       echo 'srun: job 7 has been allocated resources' >&2
       ${SRUN}`,
    );
    onTestFinished(() => program("srun", SRUN));
    const told: string[] = [];
    const began = performance.now();
    const worker = await openSession(
      { ...spec, start_seconds: 3 },
      {
        root,
        onWaiting: (state) => {
          told.push(state);
          // Longer than start_seconds.
          if (told.length === 2) setTimeout(() => program("turn", ""), 3500);
        },
      },
    );
    expect(performance.now() - began).toBeGreaterThan(3000);
    expect(told).toEqual([
      "srun: job 7 queued and waiting for resources",
      "job 7 PENDING (Priority)",
    ]);
    await worker.close();
    expect(readFileSync(join(folder, "scancel.log"), "utf8")).toContain(
      `--name=averse-${worker.hello.session}`,
    );
  });

  test("a worker's own words are told, and not srun's behind them", async () => {
    program(
      "srun",
      "echo 'No module named torch' >&2; echo 'srun: error: n1: task 0: Exited with exit code 1' >&2; exit 1",
    );
    onTestFinished(() => program("srun", SRUN));
    const error = await lossOf(() => openSession(spec, { root }));
    expect(error.message).toMatch(
      /exited with code 1 before its hello; its last output: No module named torch$/,
    );
  });

  test("a shared folder that the node does not have is refused in one sentence", async () => {
    const shared = mkdtempSync(join(tmpdir(), "averse-unshared-"));
    onTestFinished(() => rmSync(shared, { recursive: true }));
    program("srun", `rm ${shared}/.averse-probe-*\n${SRUN}`);
    onTestFinished(() => program("srun", SRUN));
    const error = await lossOf(() => openSession(spec, { root, shared: [shared] }));
    expect(error.message).toMatch(
      /^the worker "slurm" cannot be started under Slurm: averse: \S+ is not shared with the node that Slurm chose; choose a folder/,
    );
    expect(readdirSync(shared)).toEqual([]);
  });
});

describe.skipIf(noSlurm !== null)(`a real Slurm ${noSlurm ?? ""}`, { timeout: 180_000 }, () => {
  let slurm: LoopbackSlurm;
  beforeAll(async () => {
    slurm = await startSlurm();
    vi.stubEnv("SLURM_CONF", slurm.environment.SLURM_CONF);
  }, 60_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await slurm.stop();
  });
  const jobs = () => slurm.ask("squeue", "--noheader", "--format=%j %T");

  workerContract(() => openSession(spec, { root }));

  test.each<[string, Partial<SlurmSettings>, RegExp]>([
    ["a partition that there is not", { partition: "gpu" }, /Invalid partition name specified$/],
    [
      "more than the nodes have",
      { memory: "900G" },
      /Requested node configuration is not available$/,
    ],
    ["GPUs that there are not", { gpus: 1 }, /Invalid generic resource \(gres\) specification$/],
    [
      "a batch job in a partition that there is not",
      { partition: "gpu", submit: "sbatch" },
      /Batch job submission failed: Invalid partition name specified$/,
    ],
  ])("%s: refused in Slurm's own words", async (_, settings, words) => {
    const slurmed = { ...spec, slurm: { ...spec.slurm!, ...settings } };
    const error = await lossOf(() => openSession(slurmed, { root }));
    expect(error.message).toMatch(
      /^the worker "slurm" cannot be started under Slurm: s(?:run|batch): error: /,
    );
    expect(error.message).toMatch(words);
    expect(error.message).not.toContain("\n");
    expect(error.passing).toBe(false);
  });

  test("a job waits for its turn, and starts", async () => {
    const free = await slurm.occupy();
    const told: string[] = [];
    const worker = await openSession(spec, {
      root,
      onWaiting: (state) => {
        told.push(state);
        if (told.length === 2) free();
      },
    });
    expect(told).toEqual([
      expect.stringMatching(/^srun: job \d+ queued and waiting for resources$/),
      expect.stringMatching(/^job \d+ PENDING \(\w+\)$/),
    ]);
    await worker.close();
    await eventually(() => expect(jobs()).toBe(""));
  });

  test("a start that is given up takes its job off the queue", async () => {
    const free = await slurm.occupy();
    onTestFinished(free);
    const giveUp = new AbortController();
    const opening = openSession(spec, {
      root,
      signal: giveUp.signal,
      onWaiting: () => giveUp.abort(new Error("enough")),
    });
    await expect(opening).rejects.toThrow("enough");
    await eventually(() => expect(jobs()).toBe("holder RUNNING"));
  });

  describe.each(["srun", "sbatch"] as const)(
    "a job of %s that is lost before its worker is there",
    (submit) => {
      const sleeping: WorkerSpec = {
        ...{ ...spec, slurm: { ...spec.slurm!, submit } },
        argv: ["sleep", "600"],
      };
      const lostBy = async (state: string, act: () => void) => {
        const opening = lossOf(() => openSession(sleeping, { root }));
        await eventually(() => expect(jobs()).toMatch(new RegExp(`^averse-\\S+ ${state}$`, "m")));
        act();
        const { passing, message } = await opening;
        expect(`${passing}: ${message}`).toMatch(/^true: /);
        await eventually(() => expect(jobs()).not.toContain("averse-"));
        return message;
      };
      // Slurm's words, or, where it ends the step before its own line is out, the signal.
      const takenAway =
        /lost while it was starting: .*(?:CANCELLED|DUE TO PREEMPTION|PREEMPTED|already completing)|\(SIGTERM\) before its hello/;
      const cancel = () => slurm.ask("scancel", "--name", jobs().match(/averse-\S+/)![0]);

      test("cancelled in the queue", async () => {
        const free = await slurm.occupy();
        onTestFinished(free);
        expect(await lostBy("PENDING", cancel)).toMatch(
          /^the worker "slurm" under Slurm was lost while it was starting: .*cancelled$/i,
        );
      });

      test("cancelled as it starts", async () => {
        expect(await lostBy("RUNNING", cancel)).toMatch(takenAway);
      });

      test("preempted", async () => {
        const urgent = () =>
          slurm.ask("srun", "--partition=urgent", "--cpus-per-task=2", "--job-name=urgent", "true");
        expect(await lostBy("RUNNING", urgent)).toMatch(takenAway);
      });

      test("of more memory than it asked for ends the run", async () => {
        const greedy: WorkerSpec = {
          ...{ ...spec, slurm: { ...spec.slurm!, submit, memory: "40M" } },
          argv: ["{python}", "-c", "import time; held = b'x' * 300_000_000; time.sleep(600)"],
        };
        const { message, passing } = await lossOf(() => openSession(greedy, { root }));
        expect(message).toMatch(
          /^the worker "slurm" cannot be started under Slurm: .*(?:exceeded .*memory limit|OUT_OF_MEMORY)/i,
        );
        expect(passing).toBe(false);
        await eventually(() => expect(jobs()).not.toContain("averse-"));
      });

      test("its node fails", async () => {
        const node = slurm.ask("sinfo", "--noheader", "--format=%n");
        const setState = (...state: string[]) =>
          slurm.ask("scontrol", "update", `nodename=${node}`, ...state);
        const words = await lostBy("RUNNING", () => setState("state=down", "reason=test"));
        setState("state=resume");
        await eventually(() =>
          expect(slurm.ask("sinfo", "--noheader", "--format=%T")).toBe("idle"),
        );
        expect(words).toMatch(
          /lost while it was starting: .*(?:Node failure|NODE FAILURE|NODE_FAIL)/,
        );
      });
    },
  );

  // Slurm counts time limits in minutes, and looks twice in one: both jobs at once.
  test("a job whose time limit ends while its worker starts is lost, and may be tried again", {
    timeout: 300_000,
  }, async () => {
    const losses = (["srun", "sbatch"] as const).map((submit) =>
      lossOf(() =>
        openSession(
          {
            ...{ ...spec, slurm: { ...spec.slurm!, submit, time: "1", warn_seconds: 1 } },
            ...{ argv: ["sleep", "600"], start_seconds: 280 },
          },
          { root },
        ),
      ),
    );
    for (const { message, passing } of await Promise.all(losses)) {
      expect(message).toMatch(
        /^the worker "slurm" under Slurm was lost while it was starting: .*(?:DUE TO TIME LIMIT \*\*\*|: TIMEOUT)$/,
      );
      expect(passing).toBe(true);
    }
    await eventually(() => expect(jobs()).toBe(""));
  });

  test("a job that somebody else cancels is a lost worker, in Slurm's words", async () => {
    const worker = await openSession(spec, { root });
    onTestFinished(() => worker.close());
    await worker.call("load", builtinLoad);
    slurm.ask("scancel", `--name=averse-${worker.hello.session}`);
    const error = await lossOf(async () => {
      for (;;) await worker.call("ping", {});
    });
    expect(error.message).toMatch(/^the worker "slurm" under Slurm was lost .*CANCELLED AT/);
    expect(processesWith(worker.hello.session)).toEqual([]);
  });

  // Slurm counts time limits in minutes.
  test("a batch job is warned of the end of its time, and lost in Slurm's words", async () => {
    const onDeadline = vi.fn();
    const slurmed: WorkerSpec = {
      ...spec,
      slurm: { ...spec.slurm!, time: "1", warn_seconds: 30, submit: "sbatch" },
    };
    const worker = await openSession(slurmed, { root, onDeadline });
    onTestFinished(() => worker.close());
    await worker.call("load", builtinLoad);
    const error = await lossOf(async () => {
      for (;;) {
        await worker.call("ping", {});
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    });
    // Whichever of the two is written last.
    expect(error.message).toMatch(
      /^the worker "slurm" under Slurm was lost .*(?:job \d+ was ended by Slurm: TIMEOUT|DUE TO TIME LIMIT \*\*\*)$/,
    );
    expect(onDeadline).toHaveBeenCalledOnce();
    expect(jobs()).toBe("");
  });
});

async function lossOf(action: () => Promise<unknown>): Promise<WorkerLost> {
  const error = await action().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(WorkerLost);
  return error as WorkerLost;
}
