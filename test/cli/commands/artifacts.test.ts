/** What runs keep for each other, from the command line: reused, listed, removed. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { averse, buildProgramFirst, scratch, start } from "../averse.js";

buildProgramFirst();

interface Kept {
  readonly digest: string;
  readonly kind: string;
  readonly name: string;
  readonly path: string;
  readonly runs: readonly string[];
}

const quick = ["--plain", "--set", "training.iterations=2"];

/** An experiment on the fake engine whose policy and reward are stages. */
function stagedExperiment(name: string, changes: object = {}): string {
  const file = join(scratch, `${name}.yaml`);
  const experiment = {
    name,
    arms: ["sft", "rlhf"],
    sft: { steps: 3 },
    stages: {
      lm: { kind: "language_model", base: { architecture: "gpt2" }, steps: 30 },
      tox: { kind: "classifier", base: "stage:lm", data: "builtin", epochs: 1 },
    },
    policy: { model: "stage:lm" },
    reward: { kind: "classifier", model: "stage:tox" },
    rollout: { prompt_tokens: 8, new_tokens: 8 },
    training: { iterations: 3, batch: 16, minibatch: 8 },
    risk: { warmup: 1 },
    evaluation: { prompts: 40, every: 0, judges: null, harm_threshold: 0 },
    backend: { worker: "fake" },
    ...changes,
  };
  writeFileSync(file, JSON.stringify(experiment));
  return file;
}

/** All figures but those of the clock. */
function figuresOf(run: string): object {
  const { arms } = JSON.parse(readFileSync(join(scratch, run, "evaluation.json"), "utf8"));
  for (const { metrics } of Object.values(arms) as { metrics: Record<string, unknown> }[]) {
    delete metrics.seconds;
  }
  return arms;
}

const digestsOf = (kept: readonly Kept[]) => kept.map(({ digest }) => digest).sort();

async function kept(...options: readonly string[]): Promise<Kept[]> {
  const { stdout, stderr, code } = await averse(["artifacts", "ls", "--json", ...options]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

describe("two experiments with the same SFT", { timeout: 120_000 }, () => {
  beforeAll(async () => {
    for (const [name, ...more] of [["runs/one"], ["runs/two"], ["runs/anew", "--fresh"]]) {
      const { code, stdout, stderr } = await averse([
        ...["run", "smoke", ...quick, "--run-dir", join(scratch, name!)],
        ...more,
      ]);
      expect(stderr + stdout).toContain("run done");
      expect(code).toBe(0);
      writeFileSync(join(scratch, `${name!.replace("/", "-")}.log`), stdout);
    }
  });
  const saidBy = (run: string) => readFileSync(join(scratch, `runs-${run}.log`), "utf8");

  test("train it once, and say so", () => {
    expect(saidBy("one")).toContain("SFT done: ");
    expect(saidBy("two")).toMatch(/SFT reused from artifact [0-9a-f]{12}: /);
    expect(saidBy("anew")).toContain("SFT done: ");
  });

  test("have the same figures to the last bit, reused or not", () => {
    expect(figuresOf("runs/two")).toEqual(figuresOf("runs/one"));
    expect(figuresOf("runs/anew")).toEqual(figuresOf("runs/one"));
  });

  test("are each complete in their folders, whatever becomes of the artifact", async () => {
    for (const run of ["one", "two"]) {
      expect(existsSync(join(scratch, "runs", run, "trials/sft-s0/model/config.json"))).toBe(true);
      const { code } = await averse(["verify", run, "--runs", join(scratch, "runs")]);
      expect(code).toBe(0);
    }
  });

  test("are listed with it, and with what they scored", async () => {
    const all = await kept("--runs", join(scratch, "runs"));
    expect(all.map(({ kind }) => kind).sort()).toEqual(["prompt_scores", "sft"]);
    const [sft] = all.filter(({ kind }) => kind === "sft");
    expect([...sft!.runs].sort()).toEqual(["anew", "one", "two"]);
    const { stdout } = await averse(["artifacts", "ls", "--runs", join(scratch, "runs")]);
    expect(stdout).toContain(`${sft!.digest.slice(0, 12)}  sft            sft-s0`);
    expect(stdout).toContain("anew, one, two");
  });

  test("a damaged one is made again, with a warning", async () => {
    const [sft] = (await kept()).filter(({ kind }) => kind === "sft");
    writeFileSync(join(sft!.path, "state.json"), "{}");
    const run = join(scratch, "runs/three");
    const { stdout, code } = await averse(["run", "smoke", ...quick, "--run-dir", run]);
    expect(stdout).toContain("the kept result of SFT is damaged and is made again");
    expect(stdout).toContain("SFT done: ");
    expect(code).toBe(0);
    expect(figuresOf("runs/three")).toEqual(figuresOf("runs/one"));
  });

  test("a folder of artifacts that is a file is refused before a run is made", async () => {
    const file = join(scratch, "no-folder");
    writeFileSync(file, "");
    const run = join(scratch, "runs/none");
    const { stderr, code } = await averse([
      ...["run", "smoke", "--run-dir", run, "--artifacts", file],
    ]);
    expect(stderr).toContain(`${file} is not a folder, so no artifacts can be kept in it`);
    expect(code).toBe(2);
    expect(existsSync(run)).toBe(false);
  });
});

describe("stages", { timeout: 120_000 }, () => {
  test("are trained first and used by name, resumed, reused and reproduced", async () => {
    const artifacts = ["--artifacts", join(scratch, "staged")];
    const folder = join(scratch, "s/first");
    const first = await averse([
      ...["run", stagedExperiment("first"), "--plain", "--run-dir", folder, ...artifacts],
    ]);
    expect(first.stdout + first.stderr).toContain("stage lm is being trained");
    expect(first.stdout).toMatch(/stage tox trained in .*, accuracy 0\.\d+/);
    expect(first.code).toBe(0);
    const all = await kept(...artifacts);
    const tox = all.find(({ name }) => name === "tox")!;
    expect(tox.kind).toBe("classifier");
    const { artifacts: recorded } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    expect(recorded.folder).toBe(join(scratch, "staged"));
    expect(recorded.used.map(({ kind, name }: Kept) => `${kind} ${name}`)).toEqual(
      expect.arrayContaining(["language_model lm", "classifier tox", "sft sft-s0"]),
    );

    const second = await averse([
      ...["run", stagedExperiment("second", { training: { iterations: 4, batch: 16 } }), "--plain"],
      ...["--run-dir", join(scratch, "s/second"), ...artifacts],
    ]);
    expect(second.stdout).toContain(`stage tox reused from ${tox.path}`);
    expect(second.stdout).toContain("SFT reused from artifact");
    expect(second.code).toBe(0);

    const again = await averse([
      ...["reproduce", folder, "--plain", "--run-dir", join(scratch, "s/again"), ...artifacts],
    ]);
    expect(again.stdout).toContain("stage lm trained in");
    expect(again.stdout).toContain("SFT done: ");
    expect(again.stdout).toContain("bitwise: all figures and models are those of");
    expect(again.code).toBe(0);
    expect(digestsOf(await kept(...artifacts))).toEqual(digestsOf(all));
  });

  test("that are misnamed are refused with the nearest name", async () => {
    const file = stagedExperiment("misnamed", {
      reward: { kind: "classifier", model: "stage:tax" },
    });
    const { stderr, code } = await averse(["config", "validate", file]);
    expect(stderr).toContain("Did you mean stage:tox?");
    expect(code).toBe(2);
  });

  test("that nothing names are told of, and not trained", async () => {
    const file = stagedExperiment("unused", { policy: { model: "builtin" }, reward: {} });
    const { stdout, stderr, code } = await averse(["config", "validate", file]);
    expect(stdout + stderr).toContain("the stage tox, which no key names");
    expect(code).toBe(0);
  });
});

describe("averse artifacts rm", { timeout: 120_000 }, () => {
  const rm = (...args: readonly string[]) => averse(["artifacts", "rm", ...args]);

  test("asks first, takes names and digests, and removes for good", async () => {
    const artifacts = ["--artifacts", join(scratch, "staged"), "--runs", join(scratch, "s")];
    const all = await kept(...artifacts);
    const tox = all.find(({ name }) => name === "tox")!;
    expect((await rm("tox", ...artifacts)).stderr).toContain("there is no terminal to ask on");
    expect((await rm(...artifacts)).stderr).toContain("add --unused or --all");
    expect((await rm("tox", "--all", ...artifacts)).stderr).toContain("exclude each other");
    expect((await rm("txo", "--yes", ...artifacts)).stderr).toContain("there is no artifact txo");
    const { stdout, code } = await rm("tox", tox.digest.slice(0, 8), "--yes", ...artifacts);
    expect(stdout).toContain(`Removed ${tox.digest.slice(0, 12)} classifier tox`);
    expect(code).toBe(0);
    expect(existsSync(tox.path)).toBe(false);
    expect(await kept(...artifacts)).toHaveLength(all.length - 1);
  });

  test("of the unused leaves what a run has used", async () => {
    const runs = join(scratch, "s");
    const artifacts = ["--artifacts", join(scratch, "staged"), "--runs", runs];
    const before = await kept(...artifacts);
    rmSync(join(runs, "second"), { recursive: true });
    const unused = before.filter(({ runs: users }) => users.every((one) => one === "second"));
    const { stdout } = await rm("--unused", "--yes", "--json", ...artifacts);
    expect(JSON.parse(stdout).removed.sort()).toEqual(unused.map(({ digest }) => digest).sort());
    expect(await kept(...artifacts)).toHaveLength(before.length - unused.length);
  });

  test("refuses what a live run uses", async () => {
    const runs = join(scratch, "live");
    const args = ["run", "smoke", "--plain", "--set", "training.iterations=5000"];
    const { child, finished, saying } = start([...args, "--run-dir", join(runs, "long")]);
    await saying("iteration 2/");
    const [sft] = (await kept("--runs", runs)).filter(({ runs: users }) => users.length > 0);
    const { stderr, code } = await rm(sft!.digest, "--yes", "--runs", runs);
    expect(stderr).toContain("is used by long, which is running");
    expect(code).toBe(2);
    child.kill("SIGINT");
    await finished;
    expect((await rm(sft!.digest, "--yes", "--runs", runs)).code).toBe(0);
  });
});
