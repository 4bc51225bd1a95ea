import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { backendNeeds, programFile } from "../../../src/cli/machine/backend-needs.js";
import { conformanceClauses } from "../../../src/worker/conformance/clauses/all.js";
import { readWorkerSpec, type WorkerSpec } from "../../../src/worker/spec.js";
import { averse, buildProgramFirst, root, scratch } from "../averse.js";

buildProgramFirst();

const timeout = 60_000;

function backend(name: string, text: string): void {
  const folder = join(scratch, "configs", "workers");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.yaml`), text);
}

test("backends: every file of package and working directory, with what is not here", {
  timeout,
}, async () => {
  backend("mine", "name: mine\npurpose: my own\nargv: [no-such-program, --engine, torch]\n");
  backend("broken", "name: broken\nargv: [a]\nlaunhcer: ssh\n");
  const { code, stdout } = await averse(["backends"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^backend +launcher +engine +here +purpose\n/);
  expect(stdout).toMatch(
    /^mine +command +torch +no +my own\n {4}no-such-program: no no-such-program on PATH\. Correct argv of its file\.$/m,
  );
  expect(stdout).toMatch(
    /^broken +- +- +no +its file is wrong\n {4}\S*broken\.yaml:3:1: launhcer: /m,
  );
  expect(stdout).toMatch(/^fake +command +fake +yes +/m);
  const listed = JSON.parse((await averse(["backends", "--json"])).stdout);
  expect(listed).toContainEqual(
    expect.objectContaining({ name: "fake", launcher: "command", engine: "fake", ready: true }),
  );
  expect(listed).toContainEqual(
    expect.objectContaining({
      name: "mine",
      file: join(scratch, "configs", "workers", "mine.yaml"),
      ready: false,
      needs: [expect.objectContaining({ what: "no-such-program", ok: false })],
    }),
  );
});

test("doctor --backend starts it and tells devices, capabilities and speed", {
  timeout,
}, async () => {
  const { code, stdout } = await averse(["doctor", "--backend", "fake", "--json"]);
  const { ok, backend: facts, findings } = JSON.parse(stdout);
  expect([code, ok]).toEqual([0, true]);
  expect(facts).toMatchObject({ engine: "fake", capabilities: { critic: true, lora: false } });
  expect(facts.episodes).toBe(16);
  expect(facts.tokens).toBeGreaterThan(0);
  expect(facts.seconds.rollout).toBeGreaterThan(0);
  expect(facts.seconds.update).toBeGreaterThan(0);
  const what = findings.map((one: { what: string }) => one.what);
  for (const name of ["worker handshake", "device cpu", "capabilities", "rollout", "update"]) {
    expect(what).toContain(name);
  }
});

test("doctor --backend: one that does not start ends with 3 and says how to install what is missing", {
  timeout,
}, async () => {
  backend(
    "bare",
    'name: bare\nargv: ["{python}", -c, "import no_such_package", "{endpoint}{session}"]\n',
  );
  const { code, stdout } = await averse(["doctor", "--backend", "bare"]);
  expect(code).toBe(3);
  expect(stdout).toMatch(
    /✗ +worker handshake +the worker exited with code 1 before its hello.*no_such_package/,
  );
  expect(stdout).toMatch(
    /→ Install no_such_package into the worker's Python: npm start, or python -m pip/,
  );
});

test("doctor --conformance checks every clause, and needs a backend", {
  timeout: 120_000,
}, async () => {
  const { code, stdout } = await averse(["doctor", "--conformance", "--backend", "fake", "--json"]);
  const { ok, backend: facts, clauses } = JSON.parse(stdout);
  expect([code, ok]).toEqual([0, true]);
  expect(facts).toMatchObject({ engine: "fake", capabilities: { lora: false } });
  expect(clauses.map(({ id }: { id: string }) => id)).toEqual(
    conformanceClauses.map(({ id }) => id),
  );
  expect(clauses.find(({ id }: { id: string }) => id === "adapter")).toMatchObject({
    outcome: "not applicable",
    seen: "lora not declared",
  });
  const alone = await averse(["doctor", "--conformance"]);
  expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining("--backend")]);
});

test("doctor --conformance ends with 4 and says what was seen of a backend that miscounts its steps", {
  timeout: 120_000,
}, async () => {
  const script = join(root, "test", "python", "misbehaving", "miscounts.py");
  backend(
    "miscounts",
    `name: miscounts\nargv: ["{python}", "${script}", --endpoint, "{endpoint}", --session, "{session}"]\n` +
      'environment: { PYTHONPATH: "{root}/python" }\n',
  );
  const { code, stdout } = await averse(["doctor", "--conformance", "--backend", "miscounts"]);
  expect(code).toBe(4);
  expect(stdout).toMatch(
    /^✗ update-counts +update counts .*\n {4}seen: episodes, gradient steps, tokens: \[ 4, 5, /m,
  );
  expect(stdout).toMatch(/^✓ rollout-order /m);
  expect(stdout).toMatch(/\d+ passed, [1-9]\d* failed, \d+ not applicable\. src\/protocol/);
});

test.each([["run", "smoke"], ["doctor"]])(
  "%s refuses a backend that there is not, with those that there are",
  { timeout },
  async (...args) => {
    const { code, stderr } = await averse([...args, "--backend", "fkae"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/no worker named "fkae", expected one of .*fake, .*local/);
  },
);

test("evaluate takes --backend with --with alone", { timeout }, async () => {
  const { code, stderr } = await averse(["evaluate", "a-run", "--backend", "fake"]);
  expect(code).toBe(2);
  expect(stderr).toContain(
    "--set, --backend, --seed and --run-dir are for the evaluation of models",
  );
});

test("what a launcher needs is looked up: its program, its key, what it mounts", () => {
  const remote = readWorkerSpec("remote", root);
  const box = readWorkerSpec("container", root);
  const whole: WorkerSpec = { ...remote, ssh: { ...remote.ssh!, identity: join(root, "none") } };
  expect(backendNeeds(whole, { PATH: "/nowhere" })).toMatchObject([
    { what: "ssh", ok: false, remedy: expect.stringContaining("openssh-client") },
    { what: "key", ok: false },
    { what: "host", ok: null, found: "gpu-box, not tried" },
  ]);
  const mounted: WorkerSpec = {
    ...box,
    container: { ...box.container!, mounts: [`${root}:/x:ro`, "/no/such/folder"] },
  };
  const onSlurm = backendNeeds(readWorkerSpec("slurm", root), { PATH: "/nowhere" });
  expect(onSlurm.map(({ what, ok }) => [what, ok]).slice(0, 3)).toEqual([
    ...[
      ["srun", false],
      ["squeue", false],
      ["scancel", false],
    ],
  ]);
  expect(backendNeeds(mounted, { PATH: "/nowhere" }).map(({ what, ok }) => [what, ok])).toEqual([
    ...[
      ["docker", false],
      ["mount", true],
      ["mount", false],
      ["image", null],
    ],
  ]);
});

test("a program is found on PATH in its order, and only where it may be run", () => {
  const folders = ["first", "second", "third"].map((name) => join(scratch, name));
  for (const [at, folder] of folders.entries()) {
    mkdirSync(folder);
    writeFileSync(join(folder, "tool"), "", { mode: at === 0 ? 0o644 : 0o755 });
  }
  expect(programFile("tool", folders.join(":"))).toBe(join(folders[1]!, "tool"));
  expect(programFile("tool", "")).toBeNull();
  expect(programFile(join(folders[2]!, "tool"), "")).toBe(join(folders[2]!, "tool"));
  expect(programFile(folders[2]!, "")).toBeNull();
});
