import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { BackendSpeed } from "../../src/sizing/speed.js";
import { averse, buildProgramFirst, scratch } from "./averse.js";

buildProgramFirst();

const timeout = 60_000;

function environment(name: string) {
  const cache = join(scratch, name);
  mkdirSync(join(cache, "averse", "speed"), { recursive: true });
  return { env: { XDG_CACHE_HOME: cache }, file: join(cache, "averse", "speed", "local.json") };
}

const speed: BackendSpeed = {
  ...{ backend: "local", device: "cpu", device_name: "a CPU", dtype: "float32", threads: 1 },
  ...{ memory_bytes: null, measured: "2026-11-30T00:00:00.000Z" },
  points: [
    {
      ...{ width: 192, forward: 5e10, training: 4e10 },
      ...{ decode_weight: 1e-10, decode_row: 5e-11, step: 5e-9 },
    },
  ],
  logit: { forward: 1e-9, decode: 1e-9, training: 1e-8 },
};

test("plan: memory by phase, time by arm with the rates that were kept", { timeout }, async () => {
  const { env, file } = environment("kept");
  writeFileSync(file, JSON.stringify(speed));
  const { code, stdout } = await averse(["plan", "quickstart", "--offline", "--json"], { env });
  expect(code).toBe(0);
  const { arms, fits, rates, trials, run_seconds } = JSON.parse(stdout);
  expect([fits, trials]).toEqual([true, 4]);
  expect(rates).toBe("measured on a CPU, float32, 1 thread, 2026-11-30");
  const tail = arms.find(({ arm }: { arm: string }) => arm === "ra-rlhf");
  const mean = arms.find(({ arm }: { arm: string }) => arm === "rlhf");
  expect(tail.last.update).toBeLessThan(0.6 * tail.first.update);
  expect(mean.last).toEqual(mean.first);
  expect(tail.policy).toMatchObject({ layers: 4, width: 192, vocabulary: 4096 });
  expect(run_seconds).toBeGreaterThan(mean.seconds);
  const text = (await averse(["plan", "quickstart", "--offline"], { env })).stdout;
  expect(text).toMatch(/^gradients +- +\S+ MB/m);
  expect(text).toMatch(/^ra-rlhf, last +\d+ /m);
  expect(text).toMatch(/peak \S+ MB in \w+, of .*: fits/);
});

test("plan: what does not fit is told with what to change, and what fits then", {
  timeout,
}, async () => {
  const { env } = environment("none");
  const small = ["plan", "quickstart", "--offline", "--memory", "0.65"];
  const { code, stdout } = await averse(small, { env });
  expect(code).toBe(0);
  expect(stdout).toMatch(/of 650 MB: does not fit\n {2}--set training.microbatch=1: /);
  const [, sets = ""] = /enough together: (.*)/.exec(stdout) ?? [];
  expect(sets).not.toBe("");
  const again = await averse([...small, ...sets.split(" ")], { env });
  expect(again.stdout).toMatch(/of 650 MB: fits/);
  expect(stdout).toContain("averse doctor --backend local");
});

test("plan: GPUs by two figures; wrong options and unknown models are refused", {
  timeout,
}, async () => {
  const { env, file } = environment("given");
  const given = ["--gpus", "8", "--memory", "80", "--tflops", "200", "--bandwidth", "3000"];
  const eight = await averse(["plan", "quickstart-seeds", "--offline", "--json", ...given], {
    env,
  });
  expect(JSON.parse(eight.stdout)).toMatchObject({ gpus: 8, parallel: 8, fits: true });
  const half = await averse(["plan", "quickstart", "--offline", "--tflops", "1"], { env });
  expect([half.code, half.stderr]).toEqual([2, expect.stringContaining("--bandwidth go together")]);
  const wrong = await averse(["plan", "quickstart", "--gpus", "-1"], { env });
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("a whole number")]);
  const unknown = await averse(
    ["plan", "quickstart", "--offline", "--set", "policy.model=no-such/model"],
    { env },
  );
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toMatch(/the size of policy.model \(no-such\/model\) is not known/);
  writeFileSync(file, "{");
  const damaged = await averse(["plan", "quickstart", "--offline"], { env });
  expect(damaged.code).toBe(2);
  expect(damaged.stderr).toMatch(/local\.json is not JSON; measure again: averse doctor/);
});
