/** Paths of a configuration, as a user writes them in one folder and takes a run up in another. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { averse, buildProgramFirst, root, scratch, start } from "../averse.js";

buildProgramFirst();

test("a run of relative paths is resumed and reproduced from another folder", async () => {
  const [home, away, runs] = ["home", "away", "runs"].map((name) => join(scratch, name));
  for (const folder of [away!, join(home!, "exp")]) mkdirSync(folder, { recursive: true });
  const first = join(runs!, "first");
  const policy = join(home!, "exp", "policy");
  await averse(["run", "smoke", "--plain", "--run-dir", first, "--set", "arms=sft"]);
  const copied = await averse(["export", first, "--trial", "sft-s0", "--to", policy]);
  expect(copied).toMatchObject({ code: 0, stderr: "" });
  const worker = readFileSync(join(root, "configs", "workers", "fake.yaml"), "utf8");
  writeFileSync(join(home!, "exp", "my-worker.yaml"), worker);
  const smoke = readFileSync(join(root, "configs", "experiments", "smoke.yaml"), "utf8");
  const yaml = smoke.replace("worker: fake", "worker: my-worker.yaml");
  writeFileSync(join(home!, "exp", "mine.yaml"), `${yaml}\npolicy: {model: policy}\n`);
  const folder = join(runs!, "one");
  const args = ["run", "exp/mine.yaml", "--plain", "--run-dir", folder];
  const set = ["arms=rlhf", "sft.steps=0", "training.iterations=4000", "checkpoint.every=0"];
  const run = start([...args, ...set.flatMap((one) => ["--set", one])], { cwd: home! });
  await run.saying("iteration 2/");
  run.child.kill("SIGINT");
  expect((await run.finished).code).toBe(130);
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  expect(manifest.config.policy.model).toBe(policy);
  expect(manifest.config.backend.worker).toBe(join(home!, "exp", "my-worker.yaml"));
  expect(manifest.written_paths).toEqual({
    "policy.model": "policy",
    "backend.worker": "my-worker.yaml",
  });
  const short = ["--set", "training.iterations=3"];
  const done = join(runs!, "done");
  const ran = await averse(["run", "exp/mine.yaml", "--plain", "--run-dir", done, ...short], {
    cwd: home!,
  });
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  const again = await averse(["reproduce", done, "--runs", runs!, "--plain"], { cwd: away! });
  expect(again).toMatchObject({ code: 0, stderr: "" });
  expect(again.stdout).toContain("bitwise: all figures and models are those of");

  renameSync(policy, join(home!, "moved"));
  const gone = await averse(["resume", folder, "--plain"], { cwd: away! });
  expect(gone.stderr).toBe(
    `policy.model: there is no ${policy} (written as "policy"). ` +
      "Restore it there, or start a new run with its new path.\n",
  );
  expect(gone.code).toBe(2);
  renameSync(join(home!, "moved"), policy);
  const resumed = start(["resume", folder, "--plain"], { cwd: away! });
  await resumed.saying("  iteration ");
  resumed.child.kill("SIGINT");
  const { code, stderr } = await resumed.finished;
  expect(stderr).not.toMatch(/no such|cannot|there is no/);
  expect(code).toBe(130);
});
