import { describe, expect, test } from "vitest";
import {
  dependsOnDevices,
  type Hardware,
  hardwareOf,
  placeTrials,
  planRun,
} from "../../src/engine/plan.js";
import { smallExperiment } from "./experiments.js";

test("the plan carries the cadence", () => {
  const plan = planRun(smallExperiment(), { cores: 2, gpus: 0 });
  expect(plan).toMatchObject({ checkpointEvery: 4, parallel: 2 });
});

describe("placement", () => {
  const place = (
    backend: { device?: string; threads?: number },
    hardware: Hardware,
    parallel = 0,
    trials = 9,
  ) => {
    const experiment = smallExperiment({ parallel, backend });
    return placeTrials(experiment, hardware, trials);
  };

  test.each([
    ["cores over threads", { device: "cpu", threads: 2 }, { cores: 8, gpus: 4 }, 0, 4, []],
    ["at least one", { device: "cpu", threads: 4 }, { cores: 2, gpus: 0 }, 0, 1, []],
    ["torch's own threads: one", { device: "cpu", threads: 0 }, { cores: 8, gpus: 0 }, 0, 1, []],
    ["auto without a GPU", { device: "auto" }, { cores: 3, gpus: 0 }, 0, 3, []],
    ["one GPU: one", { device: "auto" }, { cores: 16, gpus: 1 }, 0, 1, []],
    ["a GPU each", { device: "auto" }, { cores: 16, gpus: 2 }, 0, 2, ["cuda:0", "cuda:1"]],
    ["a named device: one", { device: "cuda:1" }, { cores: 16, gpus: 2 }, 0, 1, []],
    ["mps: one", { device: "mps" }, { cores: 8, gpus: 0 }, 0, 1, []],
    ["auto on a Mac: one", { device: "auto" }, { cores: 8, gpus: 0, mps: true }, 0, 1, []],
    ["a Mac's CPU", { device: "cpu" }, { cores: 8, gpus: 0, mps: true }, 0, 8, []],
    [
      "cores over processes",
      { device: "cpu", threads: 2 },
      { cores: 8, gpus: 0, processes: 2 },
      0,
      2,
      [],
    ],
    ["GPUs for processes", { device: "auto" }, { cores: 8, gpus: 4, processes: 2 }, 0, 1, []],
    ["as told", { device: "cpu" }, { cores: 2, gpus: 0 }, 5, 5, []],
    ["a cluster: all ask", { device: "auto" }, { cores: 2, gpus: 4, cluster: true }, 0, 9, []],
    ["a cluster, as told", { device: "cuda" }, { cores: 2, gpus: 4, cluster: true }, 3, 3, []],
    ["no more than trials", { device: "cpu" }, { cores: 64, gpus: 0 }, 0, 9, []],
  ] as const)("%s", (_, backend, hardware, parallel, expected, devices) => {
    expect(place(backend, hardware, parallel)).toEqual({ parallel: expected, devices });
  });

  test("a long sweep does not fill this machine with programs that ask a cluster", () => {
    expect(place({}, { cores: 2, gpus: 0, cluster: true }, 0, 100).parallel).toBe(16);
    expect(place({}, { cores: 2, gpus: 0, cluster: true }, 64, 100).parallel).toBe(64);
  });

  test("goes by what a worker says of its devices", () => {
    const devices = ["cpu", "cuda:0", "cuda:1"].map((name) => ({
      name,
      description: "",
      memory_bytes: null,
    }));
    expect(hardwareOf({ auto: "cuda:0", devices, cores: 4 })).toEqual({
      cores: 4,
      gpus: 2,
      mps: false,
    });
    const [cpu] = devices;
    const mac = [cpu!, { ...cpu!, name: "mps" }];
    expect(hardwareOf({ auto: "mps", devices: mac, cores: 8 })).toMatchObject({ mps: true });
  });

  test.each([
    ["auto", 0, 2, true],
    ["auto", 0, 1, false],
    ["auto", 1, 9, false],
    ["cuda", 3, 9, true],
    ["cpu", 3, 9, false],
    ["cpu", 0, 9, true],
  ] as const)(
    "on %s, %i side by side, %i trials: asks a worker: %s",
    (device, parallel, count, asks) => {
      const experiment = smallExperiment({ parallel, backend: { device } });
      expect(dependsOnDevices(experiment, count)).toBe(asks);
    },
  );
});
