/** The scripts from outside, in a checkout with stubs: arguments, exit codes, signals, sentences. */
import { spawn } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { unprivileged } from "../unprivileged.js";
import { type StubCheckout, stubCheckout } from "./stub-checkout.js";

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function script(
  checkout: StubCheckout,
  name: string,
  args: readonly string[],
  onText?: (text: string, pid: number) => void,
  user: { readonly uid?: number; readonly gid?: number } = {},
) {
  return new Promise<Result>((resolve) => {
    const child = spawn(process.execPath, [join(checkout.root, name), ...args], {
      cwd: "/",
      stdio: ["ignore", "pipe", "pipe"],
      ...user,
    });
    const text = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (chunk: string) => {
        text[stream] += chunk;
        onText?.(text[stream], child.pid!);
      });
    }
    child.on("close", (code) => resolve({ code, ...text }));
  });
}

describe("npm start", () => {
  test("sets up, then runs the quickstart with what it was given, and ends as that ends", async () => {
    const checkout = stubCheckout();
    checkout.write(
      "stub-main.js",
      "console.log(JSON.stringify([process.argv.slice(2), process.cwd(), process.env.AVERSE_PYTHON])); process.exit(7);",
    );
    const first = await script(checkout, "src/bootstrap/start.mjs", ["--set", "risk.alpha=0.2"]);
    expect(first.code).toBe(7);
    expect(checkout.calls()).toEqual(["npm ci", "tsc", "venv", "pip ."]);
    const [args, cwd, python] = JSON.parse(first.stdout);
    expect(args).toEqual(["run", "configs/experiments/quickstart.yaml", "--set", "risk.alpha=0.2"]);
    expect(cwd).toBe(checkout.root);
    expect(python).toBe(join(checkout.root, ".venv", "bin", "python"));
    for (const words of [
      "Installing the node packages",
      "Building",
      "Making .venv",
      "Installing the Python packages",
    ]) {
      expect(first.stderr).toContain(`✓ ${words}`);
    }
    const second = await script(checkout, "src/bootstrap/start.mjs", []);
    expect(second.code).toBe(7);
    expect(second.stderr).toBe(
      "Here `averse` is `node dist/main.js`; `npm link` gives it its own name.\n",
    );
    expect(checkout.calls()).toEqual([]);
  });

  test("passes a signal on and waits for the answer", async () => {
    const checkout = stubCheckout();
    checkout.write(
      "stub-main.js",
      'process.on("SIGINT", () => setTimeout(() => process.exit(130), 300)); console.log("up"); setInterval(() => {}, 1000);',
    );
    const { code } = await script(checkout, "src/bootstrap/start.mjs", [], (text, pid) => {
      if (text.includes("up")) process.kill(pid, "SIGINT");
    });
    expect(code).toBe(130);
  });

  test("says in a sentence that the checkout cannot be written", async () => {
    const checkout = stubCheckout();
    chmodSync(checkout.root, 0o555);
    const { code, stderr } = await script(
      checkout,
      "src/bootstrap/start.mjs",
      [],
      undefined,
      unprivileged,
    );
    chmodSync(checkout.root, 0o755);
    expect(stderr).toMatch(/^Set-up cannot write .*: no permission to write\. .*\n$/);
    expect(code).toBe(3);
  });

  test("says in a sentence that Python is missing, and ends with 3", async () => {
    const checkout = stubCheckout();
    checkout.remove("stub-bin/python3");
    const { code, stderr } = await script(checkout, "src/bootstrap/start.mjs", []);
    expect(code).toBe(3);
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
      /^Averse needs Python 3\.11 or newer and none was found: install one/,
    );
    expect(stderr).not.toMatch(/^ {4}at /m);
  });

  test("shows the last words of an npm that fails, and ends with 3", async () => {
    const checkout = stubCheckout();
    vi.stubEnv("STUB_FAIL", "npm");
    const { code, stderr } = await script(checkout, "src/bootstrap/start.mjs", []);
    expect(code).toBe(3);
    expect(stderr).toContain("  npm error network\n");
    expect(stderr).toContain("npm ci could not install the node packages: check the connection");
  });
});

describe("the other scripts", () => {
  test.each([
    ["src/bootstrap/assets.mjs", ["--data", "reviews"], 0, /^$/, ".[recipe]"],
    [
      "test/bench/main.mjs",
      ["--json", "no-such-benchmark"],
      0,
      /^{"readings":\[\],"results":{}}$/,
      ".[dev]",
    ],
    ["test/suites/main.mjs", ["no-such-suite"], 1, /^0 passed, 0 failed$/, ".[dev]"],
  ])("%s sets up what it needs, then does its own part", async (name, args, code, said, pip) => {
    const checkout = stubCheckout();
    const result = await script(checkout, name, args);
    expect(result.stdout.trimEnd()).toMatch(said);
    expect(result.code).toBe(code);
    const own = name.endsWith("assets.mjs") ? ["python -m averse_recipe --data reviews --out"] : [];
    expect(checkout.calls().map((call) => call.replace(/(--out) .*/, "$1"))).toEqual([
      ...["npm ci", "tsc", "venv", `pip ${pip}`],
      ...own,
    ]);
  });
});

describe("a machine with a GPU", { timeout: 60_000 }, () => {
  test.each([
    ["GPU 0: NVIDIA H200 (UUID: GPU-1)", 0, "pip .[dev,cuda]"],
    ["No devices found.", 0, "pip .[dev]"],
    ["NVIDIA-SMI has failed because it couldn't communicate with the driver.", 9, "pip .[dev]"],
  ])("that says %j (status %d): %s", async (says, status, pip) => {
    const checkout = stubCheckout();
    const stub = join(checkout.root, "stub-bin", "nvidia-smi");
    checkout.write("stub-bin/nvidia-smi", `#!/bin/sh\necho "${says}"\nexit ${status}\n`);
    chmodSync(stub, 0o755);
    await script(checkout, "test/suites/main.mjs", ["no-such-suite"]);
    expect(checkout.calls()).toContain(pip);
    await script(checkout, "test/suites/main.mjs", ["no-such-suite"]);
    expect(checkout.calls()).toEqual([]);
  });
});

describe("an old Node", () => {
  test.each([
    ["18.20.0", 3],
    ["20.18.9", 3],
    ["20.19.0", 0],
    ["24.1.0", 0],
  ])("%s: exit %d", async (version, expected) => {
    const checkout = stubCheckout();
    checkout.write(
      "src/bootstrap/probe.mjs",
      `import { requireNode } from "./begin.mjs"; requireNode("${version}");`,
    );
    const { code, stderr } = await script(checkout, "src/bootstrap/probe.mjs", []);
    expect(code).toBe(expected);
    expect(stderr).toBe(
      expected === 0
        ? ""
        : `Averse needs Node 20.19 or newer and this is Node ${version}: install a current one from https://nodejs.org (or with nvm: nvm install 22) and run the command again.\n`,
    );
  });
});
