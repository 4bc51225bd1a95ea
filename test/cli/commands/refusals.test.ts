/** What a user can get wrong on the command line: one paragraph on stderr, and the right exit code. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runCommandLine } from "../../../src/cli/program.js";
import { averse, buildProgramFirst, root, scratch, start } from "../averse.js";

buildProgramFirst();

/** No stack trace, and nothing on stdout that a script could take for a result. */
async function refused(args: readonly string[]) {
  const { code, stdout, stderr } = await averse(args);
  expect(stdout).toBe("");
  expect(stderr).not.toMatch(/^ {4}at /m);
  return { code, stderr };
}

/** The same in this process: starting one for every misspelling would take long. */
async function refusedHere(args: readonly string[]) {
  const text = { out: "", err: "" };
  const code = await runCommandLine(args, {
    out: (line) => (text.out += line),
    err: (line) => (text.err += line),
    isTty: false,
    hasScreen: false,
    columns: 100,
    color: false,
    unicode: true,
  });
  expect(text.out).toBe("");
  expect(text.err).not.toMatch(/^ {4}at /m);
  return { code, stderr: text.err };
}

describe("the command line", () => {
  test.each([["rnu"], ["run", "smoke", "--jsno"], ["run", "gone.yaml"]])(
    "%s %s %s ends with 2",
    async (...args) => {
      expect((await refused(args.filter((one) => one !== undefined))).code).toBe(2);
    },
  );

  test.each([
    ["one key twice", ["risk.alpha=0.2", "risk.alpha=0.4"], "risk.alpha is given twice"],
    ["a value left out", ["risk.alpha=0.2,"], "write key=value,value"],
    ["no value", ["risk.alpha="], "write key=value,value"],
    ["no key", ["=0.2,0.4"], "write key=value,value"],
  ])("a grid with %s is refused", async (_, grid, message) => {
    const words = grid.flatMap((text) => ["--grid", text]);
    const { code, stderr } = await refusedHere(["sweep", "smoke", "--plan-only", ...words]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test("alone says what there is", async () => {
    const { code, stdout, stderr } = await averse([]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("averse run quickstart");
    expect(stdout.split("\n").length).toBeLessThan(20);
  });

  test("helps, and tells its version", async () => {
    const help = await averse(["--help"]);
    expect(help.code).toBe(0);
    for (const command of [
      "run",
      "ls",
      "show",
      "compare",
      "report",
      "export",
      "doctor",
      "config",
    ]) {
      expect(help.stdout).toMatch(new RegExp(`^ {2}${command}\\b`, "m"));
    }
    expect((await averse(["run", "--help"])).stdout).toContain("--set <key=value>");
    expect((await averse(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each([
    [["rnu"], "Did you mean run?"],
    [["bogus", "--help"], "unknown command 'bogus'"],
    [["rnu", "-h"], "Did you mean run?"],
    [["help", "bogus"], "unknown command 'bogus'"],
    [["config", "explian", "--help"], "Did you mean explain?"],
    [["--help", "bogus"], "unknown command 'bogus'"],
    [["resume", "latest", "--runs", "/nowhere"], "there is no folder /nowhere"],
    [["verify", "gone", "--runs", "/nowhere"], "there is no folder /nowhere"],
    [["run"], "missing required argument 'experiment'"],
    [["run", "smoke", "--jsno"], "unknown option '--jsno'"],
    [["run", "smoke", "extra"], "too many arguments"],
    [["run", "quickstrat"], "Did you mean quickstart?"],
    [["run", "gone.yaml"], "gone.yaml:1:1: found no such file"],
    [["run", "smoke", "--set", "risk.alhpa=0.2"], "Did you mean risk.alpha?"],
    [["run", "smoke", "--set", "backend.worker=fkae"], 'no worker named "fkae"'],
    [["config", "validate", "smoke", "--set", "risk.alpha=2"], "found 2, expected a number over 0"],
    [["config", "explain", "risk.alhpa"], "Did you mean risk.alpha?"],
    [["config", "explain", "smoke", "rsik"], 'no configuration key is named "rsik"'],
    [["show", "gone", "--runs", "/nowhere"], "there is no folder /nowhere"],
    [["track", "gone"], "required option '--to <tracker>' not specified"],
  ])("%j is usage: exit 2", async (args, words) => {
    const { code, stderr } = await refusedHere(args);
    expect(stderr).toContain(words);
    expect(code).toBe(2);
  });

  test("a refused configuration leaves no folder behind", async () => {
    const runs = join(scratch, "never");
    const { code } = await refused([
      "run",
      "smoke",
      "--runs",
      runs,
      "--set",
      "training.iterations=1",
    ]);
    expect(code).toBe(2);
    expect(existsSync(runs)).toBe(false);
  });

  test("all problems of a file come at once, as lines or as JSON", async () => {
    const file = join(scratch, "bad.yaml");
    writeFileSync(file, "name: bad\nseeds: [1, 1]\nrisk: {alpha: 2}\n");
    const { stderr } = await refused(["config", "validate", "bad.yaml"]);
    expect(stderr.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/^bad\.yaml:2:8: seeds: /),
      expect.stringMatching(/^bad\.yaml:3:15: risk\.alpha: /),
    ]);
    const json = await averse(["config", "validate", file, "--json"]);
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stdout).problems).toHaveLength(2);
  });

  test("--debug shows where an error came from", async () => {
    const { stderr } = await averse(["show", "gone", "--debug"]);
    expect(stderr).toMatch(/^ {4}at /m);
  });

  test("a runs folder under a file", async () => {
    const { code, stderr } = await refused([
      "run",
      "smoke",
      "--runs",
      join(root, "package.json", "runs"),
    ]);
    expect(stderr).toContain("package.json");
    expect(code).toBe(2);
  });
});

describe("the environment: exit 3", () => {
  test("a Python that does not exist", async () => {
    const { code, stderr } = await averse(["run", "smoke", "--runs", join(scratch, "p")], {
      env: { AVERSE_PYTHON: "/nowhere/python3" },
    });
    expect(stderr).toContain("/nowhere/python3");
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(code).toBe(3);
  });

  test("a worker that dies as it starts: its last words and its log are told", async () => {
    const worker = join(scratch, "dying.yaml");
    writeFileSync(worker, 'name: dying\nargv: ["sh", "-c", "echo no such luck >&2; exit 7"]\n');
    const folder = join(scratch, "dying");
    const { code, stderr } = await averse([
      "run",
      "smoke",
      "--run-dir",
      folder,
      "--set",
      `backend.worker=${worker}`,
      // The next trial's worker is started early, and may die first.
      "--set",
      "trials.parallel=1",
    ]);
    expect(stderr).toContain("no such luck");
    expect(stderr).toContain(join(folder, "logs", "sft-s0.log"));
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(code).toBe(3);
  });
});

describe("a reader that has enough", () => {
  test("is no error", async () => {
    const { child, finished } = start(["config", "schema"]);
    child.stdout!.destroy();
    const { code, stderr } = await finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});

describe("the folder of the runs", () => {
  test.each([
    [["ls"]],
    [["attach", "latest"]],
    [["show", "latest"]],
    [["run", "smoke"]],
    [["run", "smoke", "--detach"]],
  ])("%j: a file is none", async (args) => {
    const file = join(scratch, "no-folder");
    writeFileSync(file, "");
    expect(await refusedHere([...args, "--runs", file])).toEqual({
      code: 2,
      stderr: `${file} is a file; expected a folder for runs. Move the file, or choose a folder with --runs.`,
    });
  });

  test.each([
    ["ls"],
    ["serve"],
    ["show", "latest"],
    ["compare", "a", "b"],
    ["note", "a"],
    ["rm", "a", "--yes"],
    ["artifacts", "ls"],
    ["artifacts", "rm", "--unused", "--yes"],
  ])("one that was named has to be there for %s %s %s %s", async (...words) => {
    const gone = join(scratch, "gone");
    const args = words.filter((word) => word !== undefined);
    expect(await refusedHere([...args, "--runs", gone])).toEqual({
      code: 2,
      stderr: `there is no folder ${gone}: choose the folder of the runs with --runs.`,
    });
  });

  test("before the first run there need be none", async () => {
    const cwd = join(scratch, "first");
    mkdirSync(cwd);
    const { code, stderr } = await averse(["ls"], { cwd });
    expect(code).toBe(0);
    expect(stderr).toContain("averse run quickstart");
  });
});
