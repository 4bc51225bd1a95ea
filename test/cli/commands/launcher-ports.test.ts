import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { armMetrics } from "../../../src/analysis/aggregate.js";
import { type RunFigures, withEvent } from "../../../src/analysis/trial-figures.js";
import { launcherPorts } from "../../../src/cli/commands/launcher.js";
import { armPresets } from "../../../src/config/arms.js";
import type { Experiment } from "../../../src/config/schema/experiment.js";
import { planTrials } from "../../../src/config/trials.js";
import { readJournal } from "../../../src/journal/reader.js";
import { writeEvaluation } from "../../../src/store/evaluation-file.js";
import type { RunRecorder } from "../../../src/store/recorder.js";
import type { LauncherPorts } from "../../../src/tui/launcher/launcher-ports.js";
import { noConclusion, uncertified } from "../../analysis/no-conclusion.js";
import { evaluatedPayload, stepPayload } from "../../engine/event-payloads.js";
import { smallExperiment } from "../../engine/experiments.js";
import { newRun, temporaryFolder } from "../../store/folders.js";
import { root } from "../averse.js";

const hardware = { cores: 2, gpus: 0 };
/** A checkout with one experiment, and no runs. */
function checkout(text = "name: small\npurpose: to see\nbackend: { worker: fake, device: cpu }\n") {
  const workingDirectory = temporaryFolder();
  const folder = join(workingDirectory, "configs", "experiments");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "small.yaml");
  writeFileSync(file, text);
  const runs = join(workingDirectory, "runs");
  const ports = launcherPorts(
    { runs, workingDirectory, hardware },
    {
      start: async () => "x",
      open: async () => {},
    },
  );
  return { ports, runs, file };
}

async function small(ports: LauncherPorts) {
  const found = (await ports.experiments()).find(({ id }) => id === "small");
  if (found === undefined) throw new Error("the experiment is not listed");
  return found;
}

const experiment: Experiment = smallExperiment({ backend: { worker: "fake", device: "cpu" } });

/** A run of it whose trials took 10 s for SFT, and 20 s with 6 s of steps for each arm. */
async function doneRun(runsFolder: string): Promise<RunRecorder> {
  const run = newRun({ experiment, runsFolder });
  const trials = ["sft-s0", "rlhf-s0", "ra-rlhf-s0"];
  run.append(null, { type: "run_started", name: "small", trials, parallel: 2 });
  for (const trial of trials) {
    const arm = trial.slice(0, -3);
    const rl = arm !== "sft";
    const stage = rl ? "rl" : "sft";
    const iterations = rl ? 6 : 0;
    run.append(trial, { type: "trial_started", arm, seed: 0, stage, iterations });
    for (let step = 0; step < iterations; step += 1) run.append(trial, stepPayload({ step }));
    const arrays = {
      prompt: [...Array(40).keys()],
      prompt_score: [...Array(40).keys()],
      reward: Array.from({ length: 40 }, (_, at) => at / 10 + (rl ? 1 : 0)),
      kl: Array<number>(40).fill(0),
      length: Array<number>(40).fill(1),
    };
    const metrics = { reward_mean: rl ? 2 : 1, tail_reward: rl ? 1 : 0 };
    run.append(trial, evaluatedPayload({ step: iterations, final: true, metrics, arrays }));
    run.append(trial, { type: "trial_finished", seconds: rl ? 20 : 10 });
  }
  return run;
}

async function finish(run: RunRecorder): Promise<void> {
  run.append(null, { type: "run_finished", outcome: "done", message: "", seconds: 50 });
  let figures: RunFigures = new Map();
  for await (const event of readJournal(run.directory)) figures = withEvent(figures, event);
  writeEvaluation(run.directory, {
    arms: uncertified(
      armMetrics(planTrials(experiment), figures, experiment.evaluation.tail_fraction),
    ),
    frontier: {},
    comparisons: [],
    conclusion: noConclusion,
  });
}

describe("experiments", () => {
  test("are those of the working directory and of the package, with their settings", async () => {
    const { ports } = checkout();
    const shipped = readdirSync(join(root, "configs", "experiments")).map((name) =>
      basename(name, ".yaml"),
    );
    expect((await ports.experiments()).map(({ id }) => id)).toEqual([...shipped, "small"].sort());
    const { settings, ...listed } = await small(ports);
    expect(listed).toMatchObject({
      purpose: "to see",
      arms: ["sft", "rlhf", "ra-rlhf"],
      seeds: [0],
      seconds: null,
      problems: [],
    });
    expect(settings).toMatchObject({
      texts: { seeds: "0", alpha: "0.4", warmup: "30", rho: "0.95", iterations: "194" },
      choices: { worker: "fake", device: "cpu" },
    });
    expect(settings?.options.worker).toContain("local");
  });

  test("offer all preset arms, their own first", async () => {
    const arms = "arms: { ra-rlhf: , mine: { risk: { alpha: 0.1 } }, sft: }\n";
    const { ports } = checkout(`name: small\nbackend: { worker: fake }\n${arms}`);
    const known = (await small(ports)).settings!.knownArms;
    expect(known.slice(0, 3)).toEqual(["ra-rlhf", "mine", "sft"]);
    expect([...known].sort()).toEqual(["mine", ...Object.keys(armPresets)].sort());
  });

  test("are read anew when their file changes, and a wrong one says what is wrong", async () => {
    const { ports, file } = checkout();
    await small(ports);
    writeFileSync(file, "name: small\npurpose: to see more\nrisk: { alpha: 7 }\n");
    const wrong = await small(ports);
    expect(wrong.settings).toBeNull();
    expect(wrong.problems.join()).toContain("risk.alpha: found 7");
    writeFileSync(file, "name: small\npurpose: to see even more\n");
    expect(await small(ports)).toMatchObject({ purpose: "to see even more", problems: [] });
  });

  test("are those of the current folder, too: its YAML files that are experiments", async () => {
    const { ports, file } = checkout();
    const here = join(file, "..", "..", "..");
    writeFileSync(join(here, "mine.yaml"), "name: mine\nbackend: { worker: fake }\n");
    writeFileSync(join(here, "wrong.yml"), "name: wrong\nrisk: { alpha: 7 }\n");
    // Another program's, with a name as well; and what is no YAML.
    writeFileSync(join(here, "compose.yaml"), "name: web\nservices: { web: { image: x } }\n");
    writeFileSync(join(here, "broken.yaml"), "a: [\n");
    const listed = (await ports.experiments()).map(({ id }) => id);
    expect(listed[0]).toBe("mine.yaml");
    expect(listed.at(-1)).toBe("wrong.yml");
    expect(listed).toContain("small");
    expect(listed.join()).not.toMatch(/compose|broken/);
    expect(ports.check("mine.yaml", ["seeds=0,1"])).toMatchObject({ ok: true, trials: 6 });
  });

  test("that cannot be read come last", async () => {
    const { ports, file } = checkout("name: small\nrisk: { alpha: 7 }\n");
    writeFileSync(join(file, "..", "another.yaml"), "name: another\nbackend: { worker: fake }\n");
    const listed = await ports.experiments();
    expect(listed[0]!.id).toBe("another");
    expect(listed.at(-1)).toMatchObject({ id: "small", problems: [expect.any(String)] });
  });

  test("are told how long they take from earlier runs, once there are any", async () => {
    const { ports, runs } = checkout();
    expect((await small(ports)).seconds).toBeNull();
    await finish(await doneRun(runs));
    await ports.runs();
    const iterations = 194;
    expect((await small(ports)).seconds).toBe(10 + 14 + iterations);
    expect(ports.check("small", ["training.iterations=100"])).toMatchObject({
      ok: true,
      trials: 3,
      parallel: 2,
      seconds: 10 + 14 + 100,
    });
    expect(ports.check("small", ["backend.worker=local"])).toMatchObject({ seconds: null });
  });
});

describe("a form's check", () => {
  test.each([
    [["risk.alpha=2"], "--set risk.alpha=2: risk.alpha: found 2"],
    [["backend.worker=nonsense"], "nonsense"],
    [["arms=[]"], "arms"],
  ])("of %j refuses as averse run would", (overrides, words) => {
    const { ports } = checkout();
    const { ok, ...rest } = ports.check("small", overrides);
    expect(ok).toBe(false);
    expect(JSON.stringify(rest)).toContain(words);
  });

  test("of an experiment whose file is gone", () => {
    const { ports, file } = checkout();
    rmSync(file);
    expect(ports.check("small", [])).toMatchObject({ ok: false });
  });
});

describe("comparison", () => {
  test("of a run that is done and one that goes on", async () => {
    const { ports, runs } = checkout();
    const done = await doneRun(runs);
    await finish(done);
    const going = newRun({ experiment, runsFolder: runs });
    const ids = [done, going].map(({ directory }) => directory.split("/").at(-1)!);
    const [first, second] = await ports.compare(ids);
    expect(first).toMatchObject({ id: ids[0], tailFraction: 0.1, problem: null });
    expect(first?.conclusion).toEqual(["No arm was evaluated."]);
    expect(first?.arms.map(({ arm, seeds }) => [arm, seeds])).toEqual([
      ["sft", [0]],
      ["rlhf", [0]],
      ["ra-rlhf", [0]],
    ]);
    const [sft, rlhf] = first!.arms;
    expect(sft?.metrics.tail_reward?.mean).toBe(0);
    // 40 prompts in 4 bins of 10: the worst have rewards 0 … 0.9.
    expect(sft?.curve[0]).toEqual({ x: 0.125, y: expect.closeTo(0.45) });
    expect(rlhf?.curve[3]).toEqual({ x: 0.875, y: expect.closeTo(4.45) });
    expect(second).toMatchObject({ arms: [], problem: "no arm of it has been evaluated yet" });
  });

  test("of a run that is not over shows the arms that are evaluated", async () => {
    const { ports, runs } = checkout();
    const run = await doneRun(runs);
    const [found] = await ports.compare([run.directory.split("/").at(-1)!]);
    expect(found?.arms.map(({ arm }) => arm)).toEqual(["sft", "rlhf", "ra-rlhf"]);
    expect(found?.arms[1]?.metrics.reward_mean?.mean).toBe(2);
    expect(found?.conclusion).toEqual([]);
  });

  test("of a run that is gone says so and spoils no other", async () => {
    const { ports, runs } = checkout();
    mkdirSync(runs);
    const [found] = await ports.compare(["gone-00000000"]);
    expect(found).toMatchObject({ arms: [], problem: expect.stringContaining("gone-00000000") });
  });
});
