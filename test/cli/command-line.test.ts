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
    ["policy.model=hf_abcdefghijklmnopqrstuvwxyz", "policy.model=[redacted]"],
    ["hub.token=short", "hub.token=[redacted]"],
    ["WANDB_API_KEY=123", "WANDB_API_KEY=[redacted]"],
    ["--password=x", "--password=[redacted]"],
    ["https://me:pass@example.org/model", "[redacted]"],
    ["sk-proj-abcdefghijklmnop", "[redacted]"],
    ["purpose=0123456789abcdef0123456789abcdef01234567", "purpose=[redacted]"],
    ["purpose=k3y-Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFi", "purpose=[redacted]"],
    ["arms.token-level.judge.api_key=x", "arms.token-level.judge.api_key=[redacted]"],
    ["data.path=/x/planted-in-env/y", "data.path=[redacted]"],
  ])("has not %s", (argument, recorded) => {
    const environment = { HF_TOKEN: "planted-in-env", SOME_TOKEN: "1" };
    const argv = (one: string) => ["run", "quickstart", "--set", one];
    expect(recordedCommand(argv(argument), environment)).toEqual(argv(recorded));
  });

  // Long, with digits and letters, and no secret: names, folders, digests where they belong.
  test.each([
    ["run", "configs/risk-averse-alpha-0.2-warmup-30-seed-17-long.yaml"],
    ["run", "risk-averse-alpha-02-warmup-30-seed-17-longer-yet"],
    ["resume", "quickstart-seeds-alpha-02-warmup-30-1a2b3c4d"],
    ["resume", "0123456789abcdef0123456789abcdef01234567"],
    ["reproduce", "123e4567-e89b-12d3-a456-426614174000"],
    ["run", "x", "--run-dir", "0123456789abcdef0123456789abcdef01234567"],
    ["run", "x", "--run-dir=0123456789abcdef0123456789abcdef01234567"],
    ["run", "x", "--runs", "runs_of_2026_11_29_on_the_second_machine"],
    ["run", "x", "--set", "name=risk-averse-alpha-02-warmup-30-seed-17-longer-yet"],
    ["run", "x", "--set", "name=123e4567-e89b-12d3-a456-426614174000-second"],
    ["run", "x", "--set", "policy.revision=607a30d783dfa663caf39e06633721c8d4cfcd7e"],
    ["run", "x", "--set", "policy.model=/models/607a30d783dfa663caf39e06633721c8d4cfcd7e"],
    ["run", "x", "--set", "policy.model=org/model-7b-instruct-2026-11-29-step-000050"],
    ["run", "x", "--set", "arms.token-level.kl.beta=0.1"],
    ["run", "x", "--set", "name=sk-learn-baseline-experiments-17"],
  ])("keeps %j", (...argv) => {
    expect(recordedCommand(argv, {})).toEqual(argv);
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
