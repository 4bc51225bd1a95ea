import { expect, test } from "vitest";
import {
  environmentDifferences,
  runDifferences,
} from "../../../src/store/manifest/environment-differences.js";
import { startingManifest } from "../../../src/store/manifest/manifest.js";
import { smallExperiment } from "../../engine/experiments.js";
import { provenance } from "../folders.js";

const then = startingManifest(smallExperiment(), provenance(), new Date(0));

test("the same environment has no differences", () => {
  expect(environmentDifferences(then, provenance())).toEqual([]);
  expect(runDifferences(then, { ...then, started: "later", command: [] })).toEqual([]);
});

test("what differs is named with both values, null where it is not there", () => {
  const now = provenance({
    versions: { averse: "0.2.0", node: "20", nvidia_driver: "550" },
    git: null,
    lock_files: { "package-lock.json": "a" },
    hardware: { cores: 8 },
    environment: { OMP_NUM_THREADS: "4" },
  });
  expect(environmentDifferences(then, now)).toEqual([
    { field: "git.commit", was: "abc", is: null },
    { field: "versions.averse", was: "0.1.0", is: "0.2.0" },
    { field: "versions.nvidia_driver", was: null, is: "550" },
    { field: "hardware.cores", was: 2, is: 8 },
    { field: "lock_files.package-lock.json", was: null, is: "a" },
    { field: "environment.OMP_NUM_THREADS", was: null, is: "4" },
  ]);
});

test("a version that is not known yet is no difference", () => {
  const loaded = { ...then, versions: { ...then.versions, torch: "2.9" } };
  expect(environmentDifferences(loaded, provenance())).toEqual([]);
});

test("runs that are over are compared in devices, data and models of their own, too", () => {
  const device = {
    device: "cpu",
    name: "x",
    dtype: "float32",
    threads: 1,
    processes: 1,
    strategy: null,
    nondeterminism: [],
    lacks: [],
  };
  const model = {
    role: "reward",
    source: "builtin",
    revision: null,
    settings: {},
    trials: ["a"],
  } as const;
  const learnt = {
    role: "policy",
    source: "trials/sft-s0/model",
    revision: null,
    settings: {},
  } as const;
  const run = (threads: number, digest: string) => ({
    ...then,
    devices: [{ ...device, threads, trials: ["a"] }],
    models: [
      { ...model, trials: ["a"], files: { m: digest } },
      { ...learnt, trials: ["a"], files: { m: digest } },
    ],
    data: { ...then.data, files: { "train.jsonl": digest } },
  });
  expect(runDifferences(run(1, "x"), run(2, "y"))).toEqual([
    { field: "devices.a.threads", was: 1, is: 2 },
    { field: "models.a.reward.files.m", was: "x", is: "y" },
    { field: "data.files.train.jsonl", was: "x", is: "y" },
  ]);
});
