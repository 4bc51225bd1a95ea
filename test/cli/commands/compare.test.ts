/** `averse compare` on run folders that are written here. */
import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { armMetrics } from "../../../src/analysis/aggregate.js";
import type { Evaluation } from "../../../src/analysis/evaluation.js";
import { type RunFigures, withEvent } from "../../../src/analysis/trial-figures.js";
import { compare } from "../../../src/cli/commands/compare.js";
import { planTrials } from "../../../src/config/trials.js";
import { writeEvaluation } from "../../../src/store/evaluation-file.js";
import { noConclusion, uncertified } from "../../analysis/no-conclusion.js";
import { evaluatedPayload } from "../../engine/event-payloads.js";
import { type ExperimentChanges, smallExperiment } from "../../engine/experiments.js";
import { newRun, temporaryFolder } from "../../store/folders.js";

function finishedRun(
  runs: string,
  changes: ExperimentChanges = {},
  conclusion: Evaluation["conclusion"] = noConclusion,
): string {
  const experiment = smallExperiment({ seeds: [0, 1, 2], ...changes });
  const trials = planTrials(experiment);
  const figures = trials.reduce<RunFigures>((sum, { id, seed }) => {
    const metrics = { tail_reward: seed, reward_mean: seed, harm_rate: 0.1 };
    const event = { ...evaluatedPayload({ final: true, metrics }), seq: 1, time: "", trial: id };
    return withEvent(sum, event);
  }, new Map());
  const { directory } = newRun({ experiment, runsFolder: runs });
  writeEvaluation(directory, {
    arms: uncertified(armMetrics(trials, figures, experiment.evaluation.tail_fraction)),
    frontier: {},
    comparisons: [],
    conclusion,
  });
  return basename(directory);
}

async function compared(runs: string, names: readonly string[], force: boolean, json = false) {
  const out: string[] = [];
  const code = await compare(
    names,
    { runs, json, force },
    {
      ...{ out: (text) => out.push(text), err: () => {} },
      ...{ isTty: false, hasScreen: false, columns: 100, color: false, unicode: true },
    },
  );
  return { code, text: out.join("\n") };
}

describe("runs on one scale", () => {
  test("have their arms told apart by the run's letter, and paired by seed", async () => {
    const runs = temporaryFolder();
    const [a, b] = [finishedRun(runs), finishedRun(runs)];
    const { code, text } = await compared(runs, [a, b, "rlhf"], false);
    expect(code).toBe(0);
    expect(text).toContain(`A  ${a}\nB  ${b}\n`);
    expect(text).toMatch(/^A rlhf +1\.00/m);
    expect(text).toMatch(/^B rlhf +1\.00/m);
    expect(text).toMatch(/minus A rlhf, paired by seed:[\s\S]*^B rlhf/m);
    const twice = await compared(runs, [a, a], false);
    expect(twice.text.match(/^rlhf +1\.00/gm)).toHaveLength(1);
  });

  test("have their cautions told", async () => {
    const runs = temporaryFolder();
    const run = finishedRun(
      runs,
      {},
      {
        ...noConclusion,
        cautions: [{ kind: "few-in-tail", of: "final", metric: "tail_reward", episodes: 7 }],
      },
    );
    expect((await compared(runs, [run], false)).text).toContain(
      "warning: tail reward is a mean over only 7 episodes",
    );
  });
});

describe("runs on different scales", () => {
  test.each<[string, ExperimentChanges, string]>([
    ["the reward", { reward: { sign: -1 } }, "reward.sign 1 and -1"],
    ["the data", { data: { path: "elsewhere" } }, 'data.path "builtin" and "elsewhere"'],
    [
      "the threshold",
      { evaluation: { harm_threshold: -3 } },
      "evaluation.harm_threshold -2 and -3",
    ],
    ["the tail", { evaluation: { tail_fraction: 0.2 } }, "evaluation.tail_fraction 0.1 and 0.2"],
    ["iterations", { training: { iterations: 9 } }, "training.iterations 6 and 9"],
  ])("by %s are refused, and told what differs", async (_, changes, difference) => {
    const runs = temporaryFolder();
    const names = [finishedRun(runs), finishedRun(runs, changes), "rlhf"];
    await expect(compared(runs, names, false)).rejects.toThrow(
      `not comparable: B rlhf and A rlhf differ in ${difference}`,
    );
    const { code, text } = await compared(runs, names, true);
    expect(code).toBe(0);
    expect(text).toMatch(/^B rlhf, not comparable +1\.00/m);
    expect(text).not.toContain("paired by seed");
    const { entries } = JSON.parse((await compared(runs, names, true, true)).text);
    expect(entries[1].against_first).toEqual({});
    expect(entries[1].not_comparable).toHaveLength(1);
  });

  test("may differ in what shapes training alone", async () => {
    const runs = temporaryFolder();
    const changes = {
      reward: { transform: "clip" },
      arms: { "ra-rlhf": { risk: { alpha: 0.1 }, kl: { beta: 1 } } },
    } as const;
    const names = [finishedRun(runs), finishedRun(runs, changes), "ra-rlhf"];
    expect((await compared(runs, names, false)).text).toContain("paired by seed");
  });

  test("arms of one run likewise", async () => {
    const runs = temporaryFolder();
    const run = finishedRun(runs, {
      arms: { rlhf: { risk: { measure: "mean" } }, short: { rollout: { new_tokens: 4 } } },
    });
    await expect(compared(runs, [run], false)).rejects.toThrow(
      "short and rlhf differ in rollout.new_tokens 8 and 4",
    );
  });
});
