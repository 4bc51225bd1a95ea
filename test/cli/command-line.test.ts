import { describe, expect, test } from "vitest";
import { recordedCommand, shellLine } from "../../src/cli/command-line.js";
import { recordedEnvironment, recordedVariables } from "../../src/cli/machine/provenance.js";

describe("the recorded command line", () => {
  test("is what was typed", () => {
    const argv = [
      "run",
      "quickstart",
      "--set",
      "risk.alpha=0.2",
      "--set",
      "rollout.new_tokens=48",
      "--set",
      "policy.model=/models/my-tokenizer-v2/snapshots/607a30d783dfa663caf39e06633721c8d4cfcd7e",
      "--run-dir",
      "runs/quickstart-1a2b3c4d",
      "--set",
      "purpose=is α = 0.2 enough for the second time of asking, or not?",
    ];
    expect(recordedCommand(argv, { HOME: "/home/me", PATH: "/usr/bin" })).toEqual(argv);
  });

  test.each([
    ["policy.model=hf_abcdefghijklmnopqrstuvwxyz", "policy.model=[withheld]"],
    ["hub.token=short", "hub.token=[withheld]"],
    ["WANDB_API_KEY=123", "WANDB_API_KEY=[withheld]"],
    ["--password=x", "--password=[withheld]"],
    ["https://me:pass@example.org/model", "[withheld]"],
    ["sk-proj-abcdefghijklmnop", "[withheld]"],
    ["0123456789abcdef0123456789abcdef01234567", "[withheld]"],
    ["data.path=/x/planted-in-env/y", "data.path=[withheld]"],
  ])("has not %s", (argument, recorded) => {
    const environment = { HF_TOKEN: "planted-in-env", SOME_TOKEN: "1" };
    expect(recordedCommand(["run", argument], environment)).toEqual(["run", recorded]);
  });

  test("can be given to a shell", () => {
    expect(shellLine(["run", "my file.yaml", "--set", "purpose=it's", "--plain"])).toBe(
      "averse run 'my file.yaml' --set 'purpose=it'\\''s' --plain",
    );
  });
});

describe("the recorded environment", () => {
  test("holds listed variables alone", () => {
    const environment = {
      OMP_NUM_THREADS: "2",
      CUDA_VISIBLE_DEVICES: "",
      HF_TOKEN: "secret",
      WANDB_API_KEY: "secret",
      AVERSE_ANYTHING: "x",
      HOME: "/home/me",
    };
    expect(recordedEnvironment(environment)).toEqual({
      OMP_NUM_THREADS: "2",
      CUDA_VISIBLE_DEVICES: "",
    });
  });

  test("can hold no secret by its name", () => {
    expect(recordedVariables.filter((name) => /_TOKEN|KEY|SECRET|PASS/.test(name))).toEqual([]);
  });
});
