/** What a run tells and leaves when its workers, its disk or its user do not let it finish. */
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { processesWith } from "../../worker/processes.js";
import { averse, buildProgramFirst, root, scratch } from "../averse.js";

buildProgramFirst();

/** A worker's file whose program is a shell script; `"$@"` in it starts the fake worker. */
function workerFile(name: string, script: string, environment: Record<string, string> = {}) {
  const fake = ["{python}", "-m", "averse_worker", "--endpoint", "{endpoint}"];
  const argv = [...fake, "--session", "{session}", "--engine", "fake"];
  const file = join(scratch, `${name}.yaml`);
  const spec = {
    name,
    argv: ["sh", "-c", script, "sh", ...argv],
    environment: { PYTHONPATH: "{root}/python", ...environment },
  };
  writeFileSync(file, JSON.stringify(spec));
  return file;
}

function smoke(name: string, ...set: string[]): { folder: string; args: string[] } {
  const folder = join(scratch, name);
  const values = ["arms=sft", ...set].flatMap((one) => ["--set", one]);
  return { folder, args: ["run", "smoke", "--plain", "--run-dir", folder, ...values] };
}

function everyFile(folder: string): string {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    .join("\n");
}

describe("a run's workers", { timeout: 90_000 }, () => {
  test("that end before their hello are told with their last lines, without secrets", async () => {
    const script = `
      for n in 1 2 3 4 5 6; do echo "line $n: $HF_TOKEN" >&2; done
      echo "out $OPENAI_API_KEY and $MY_PASSWORD"
      echo "see https://me:planted-in-url@hub/x" >&2
      exit 3
    `;
    const worker = workerFile("leaking", script, {
      HF_TOKEN: "planted-by-spec",
      MY_PASSWORD: "planted-password",
    });
    const { folder, args } = smoke("leaking-run", `backend.worker=${worker}`);
    const env = { OPENAI_API_KEY: "planted-by-controller" };
    const { code, stdout, stderr } = await averse(args, { env });
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /The worker's last lines:\n( {2}line [3-6]: \[redacted: HF_TOKEN\]\n){4} {2}see https:\/\/\[redacted\]@hub\/x\n$/,
    );
    const log = readFileSync(join(folder, "logs", "sft-s0.log"), "utf8");
    expect(log).toContain("out [redacted: OPENAI_API_KEY] and [redacted: MY_PASSWORD]");
    expect(stdout + stderr + everyFile(folder)).not.toContain("planted");
  });

  test("may leave daemons behind, which end with them and hold nobody up", async () => {
    const seconds = String(randomInt(10 ** 8, 10 ** 9));
    const script = `setsid sleep ${seconds} & exec "$@"`;
    const { folder, args } = smoke("daemon-run", `backend.worker=${workerFile("daemon", script)}`);
    const { code } = await averse(args);
    expect(code).toBe(0);
    // Workers go from trial to trial: in the log of the one that each served last.
    const logs = readdirSync(join(folder, "logs")).map((name) =>
      readFileSync(join(folder, "logs", name), "utf8"),
    );
    expect(logs.join("\n")).toMatch(/^averse: ended orphan processes of the worker: \d+$/m);
    expect(processesWith(seconds)).toEqual([]);
  });
});

test("a record that cannot be written is told first, with what to do", {
  timeout: 90_000,
}, async () => {
  const { folder, args } = smoke("full-run", "arms=rlhf", "training.iterations=100000");
  // What a file may grow to, in KiB, stands in for a disk that fills up.
  const shell = 'ulimit -f 100; exec "$0" "$@"';
  const main = join(root, "dist", "main.js");
  const child = spawn("bash", ["-c", shell, process.execPath, main, ...args], { cwd: scratch });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  // Its release will fail as well.
  child.stdout.once("data", () => writeFileSync(join(folder, "lock", "000001.json"), "no lock"));
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect(code).toBe(3);
  expect(stderr).toContain(`cannot append to ${join(folder, "journal.jsonl")}`);
  expect(stderr).toContain(`Once the cause is fixed, \`averse resume ${folder}\` continues`);
  expect(stderr).not.toContain("lock");
});

test.each(["SIGINT", "SIGTERM"])("%s before there is a run ends with 130", async (signal) => {
  const { folder, args } = smoke(`early-${signal.toLowerCase()}`);
  const hook = fileURLToPath(new URL("signal-at-once.mjs", import.meta.url));
  const env = { SIGNAL_AT_ONCE: signal, NODE_OPTIONS: `--import=${hook}` };
  expect((await averse(args, { env })).code).toBe(130);
  expect(existsSync(folder)).toBe(false);
});

describe("a configuration that holds a secret", () => {
  test.each([
    ["a URL's", "purpose=see https://me:planted@hub/x"],
    ["a variable's", "purpose=with planted-by-me"],
  ])("(%s) is refused before anything is written", async (_, set) => {
    const { folder, args } = smoke(`secret-${_.length}`, set);
    const { code, stderr } = await averse(args, { env: { HF_TOKEN: "planted-by-me" } });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^purpose holds .*(a URL|HF_TOKEN).*\n$/);
    expect(stderr).not.toContain("planted");
    expect(existsSync(folder)).toBe(false);
  });
});
