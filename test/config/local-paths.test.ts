import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadExperiment } from "../../src/config/load.js";
import { missingPaths } from "../../src/config/local-paths.js";
import { type RewardConfig, rewardComponents } from "../../src/config/rewards/components.js";
import { scratchFolder } from "./scratch-files.js";

/** A folder with `exp/x.yaml`, a working directory `work`, and what else is named: `/` at the end, a folder. */
function places(yaml: string, ...there: string[]) {
  const root = scratchFolder();
  for (const one of ["exp/", "work/", ...there]) {
    const path = join(root, one);
    mkdirSync(one.endsWith("/") ? path : dirname(path), { recursive: true });
    if (!one.endsWith("/")) writeFileSync(path, "");
  }
  const file = join(root, "exp", "x.yaml");
  writeFileSync(file, `name: x\n${yaml}`);
  return {
    root,
    load: (...set: string[]) => loadExperiment(file, set, join(root, "work")),
    refusal(...set: string[]): string {
      try {
        loadExperiment(file, set, join(root, "work"));
      } catch (error) {
        return (error as Error).message.replaceAll(`${root}/`, "");
      }
      return "";
    },
  };
}

const modelOf = (reward: RewardConfig) => rewardComponents(reward)[0]!.model;

describe("a path of the file", () => {
  test("is one beside the file, before one of the working directory, before a hub's model", () => {
    const yaml = "policy: {model: gpt2}\ndata: {path: ../texts}\n";
    const beside = places(yaml, "exp/gpt2/", "work/gpt2/", "texts/");
    const { experiment, written } = beside.load();
    expect(experiment.policy.model).toBe(join(beside.root, "exp/gpt2"));
    expect(experiment.data.path).toBe(join(beside.root, "texts"));
    expect(written).toEqual({ "policy.model": "gpt2", "data.path": "../texts" });
    const here = places(yaml, "work/gpt2/", "texts/");
    expect(here.load().experiment.policy.model).toBe(join(here.root, "work/gpt2"));
    const hub = places(yaml, "texts/", "exp/gpt2");
    expect(hub.load().experiment.policy.model).toBe("gpt2");
    expect(hub.load().written).toEqual({ "data.path": "../texts" });
  });

  test("holds for every arm, and an arm's own for it alone", () => {
    const yaml =
      "reward: {model: rm}\nevaluation: {harm_threshold: 0}\narms:\n  sft:\n  mine: {reward: {model: other/rm}, kl: {beta: 0.1}}\n";
    const { root, load } = places(yaml, "exp/rm/", "work/other/rm/");
    const { experiment, written } = load();
    expect(modelOf(experiment.reward)).toBe(join(root, "exp/rm"));
    expect(modelOf(experiment.arms.sft!.reward)).toBe(join(root, "exp/rm"));
    expect(modelOf(experiment.arms.mine!.reward)).toBe(join(root, "work/other/rm"));
    expect(written["arms.mine.reward.model"]).toBe("other/rm");
  });

  test("may be absolute, a hub id, builtin or null, which stay as they are", () => {
    const { root, load } = places("evaluation: {judges: [], harm_threshold: 0}\n", "models/a/");
    const absolute = join(root, "models/a");
    const { experiment, written } = load(
      `policy.model=${absolute}`,
      "reward.model=owner/name-1.5B",
    );
    expect(experiment.policy.model).toBe(absolute);
    expect(modelOf(experiment.reward)).toBe("owner/name-1.5B");
    expect(experiment.data.path).toBe("builtin");
    expect(experiment.evaluation.judges).toEqual([]);
    expect(written).toEqual({});
  });

  test("of a worker is found likewise; a name stays a name", () => {
    const { root, load } = places("backend: {worker: far.yaml}\n", "exp/far.yaml");
    expect(load().experiment.backend.worker).toBe(join(root, "exp/far.yaml"));
    expect(load("backend.worker=fake").experiment.backend.worker).toBe("fake");
  });
});

test("a path of --set is one of the working directory alone", () => {
  const { root, load } = places("", "exp/m/", "work/n/");
  expect(load("policy.model=m").experiment.policy.model).toBe("m");
  expect(load("policy.model=n").experiment.policy.model).toBe(join(root, "work/n"));
});

describe("what is missing is refused with the places looked at and the nearest name", () => {
  test.each([
    [
      "data: {path: texts}\n",
      [],
      'exp/x.yaml:2:14: data.path: found "texts", which is neither exp/texts nor work/texts, ' +
        "expected builtin, or a folder or file that is there. Did you mean text?",
    ],
    [
      "policy: {model: ./modles/tiny/}\n",
      [],
      'exp/x.yaml:2:17: policy.model: found "./modles/tiny/", which is neither exp/modles/tiny nor ' +
        "work/modles/tiny, expected builtin, the folder of a model, or a hub id. Did you mean models/tiny?",
    ],
    [
      "",
      ["reward.model=../nowhere/at/all", "evaluation.harm_threshold=0"],
      '--set reward.model=../nowhere/at/all: reward.model: found "../nowhere/at/all", which is not ' +
        "nowhere/at/all, expected builtin, the folder of a model, or a hub id. Correct the path.",
    ],
    [
      "",
      ["backend.worker=./far.yaml"],
      '--set backend.worker=./far.yaml: backend.worker: found "./far.yaml", which is not ' +
        "work/far.yaml, expected the name of a file in configs/workers, or the path of one that is " +
        "there. Did you mean fare.yaml?",
    ],
  ])("%j %j", (yaml, set, message) => {
    const { refusal } = places(yaml, "exp/text/", "work/models/tiny/", "work/fare.yaml");
    expect(refusal(...set)).toBe(message);
  });

  test.each(["a/b/c", "~/m", "./m", "/gone", "m.", "a--b"])("%s is no hub id", (model) => {
    expect(places("").refusal(`policy.model=${model}`)).toContain(`found "${model}", which is not`);
  });
});

test("a record tells which of its paths are gone since", () => {
  const { experiment } = places("policy: {model: m}\n", "exp/m/").load();
  expect(missingPaths(experiment)).toEqual([]);
  const policy = { ...experiment.policy, model: "/gone/m" };
  expect(missingPaths({ ...experiment, policy })).toEqual([["policy.model", "/gone/m"]]);
});
