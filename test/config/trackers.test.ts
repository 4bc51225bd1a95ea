import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadExperiment } from "../../src/config/load.js";
import { ConfigError } from "../../src/config/problems.js";
import { trackersOf } from "../../src/config/schema/trackers.js";
import { scratchFile } from "./scratch-files.js";

const load = (yaml: string, set: string[] = [], folder = "/elsewhere") =>
  trackersOf(loadExperiment(scratchFile(`name: mine\n${yaml}`), set, folder).experiment);

const refusal = (yaml: string, set: string[] = []): string => {
  try {
    load(yaml, set);
    return "";
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
};

describe("trackers", () => {
  test.each([
    ["trackers: wandb", []],
    ["trackers: [wandb]", []],
    ["trackers: {name: wandb}", []],
    ["trackers: [{name: wandb}]", []],
    ["", ["trackers=wandb"]],
    ["", ["trackers=[wandb]"]],
    ["trackers: [mlflow, trackio]", ["trackers=[{name: wandb}]"]],
  ])("%j with --set %j is one of that name", (yaml, set) => {
    expect(load(yaml, set)).toEqual([
      {
        name: "wandb",
        project: null,
        run_name: null,
        tags: [],
        offline: false,
        dir: null,
        uri: null,
        show_text: false,
        timeout: 120,
      },
    ]);
  });

  test("are several, with options of their own, and folders that are absolute", () => {
    const yaml = "trackers: [tensorboard, {name: wandb, project: tails, tags: [a], dir: boards}]";
    const loaded = load(yaml, ["trackers.1.offline=true"], "/home");
    expect(
      loaded.map(({ name, project, offline, dir }) => ({ name, project, offline, dir })),
    ).toEqual([
      { name: "tensorboard", project: null, offline: false, dir: null },
      { name: "wandb", project: "tails", offline: true, dir: join("/home", "boards") },
    ]);
    expect(load("", ["trackers=wandb, mlflow"]).map(({ name }) => name)).toEqual([
      "wandb",
      "mlflow",
    ]);
    expect(load("")).toEqual([]);
  });

  test.each([
    ["trackers: [tensorbord]", 'x.yaml:2:12: trackers.0.name: found the text "tensorbord"'],
    ["trackers: [tensorbord]", "Did you mean tensorboard?"],
    ["trackers: [comet]", "one of tensorboard, wandb, mlflow, trackio"],
    ["trackers: [comet]", "pip install tensorboard, wandb, mlflow-skinny or trackio"],
    ["trackers: [wandb, wandb]", "the tracker wandb a second time"],
    ["trackers: {name: wandb, uri: x}", "only mlflow has one"],
    ["trackers: [{name: wandb, projct: x}]", "an unknown key"],
  ])("%j is refused: %s", (yaml, words) => {
    expect(refusal(yaml)).toContain(words);
  });
});
