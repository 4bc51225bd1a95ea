/** Runs that a user removes, and those that failed before they had anything to keep. */
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { rm } from "../../../src/cli/commands/rm.js";
import { averse, buildProgramFirst, scratch, start } from "../averse.js";

buildProgramFirst();

const quick = ["--plain", "--set", "arms=sft", "--set", "sft.steps=1"];
const quiet = {
  err: () => {},
  isTty: false,
  hasScreen: false,
  columns: 100,
  color: false,
  unicode: true,
};

describe("averse rm", { timeout: 60_000 }, () => {
  let runs = "";
  beforeAll(async () => {
    runs = join(scratch, "runs");
    for (const name of ["one", "two", "three"]) {
      const { code } = await averse(["run", "smoke", ...quick, "--run-dir", join(runs, name)]);
      expect(code).toBe(0);
    }
  }, 60_000);

  test("notes of a run are in lists, and no part of its record", async () => {
    const change = ["--title", "second try", "--tag", "good", "tail", "--runs", runs];
    expect((await averse(["note", "one", ...change])).code).toBe(0);
    const { stdout } = await averse(["note", "one", "--untag", "tail", "--json", "--runs", runs]);
    expect(JSON.parse(stdout)).toEqual({ title: "second try", tags: ["good"], note: "" });
    const listed = await averse(["ls", "--runs", runs]);
    expect(listed.stdout).toMatch(/^one .*second try {2}#good/m);
    expect((await averse(["verify", join(runs, "one")])).code).toBe(0);
  });

  test("asks first: without a terminal nothing is removed", async () => {
    const { code, stderr } = await averse(["rm", "one", "two", "--runs", runs]);
    expect(stderr).toContain("there is no terminal to ask on. Add --yes");
    expect(code).toBe(2);
    expect(readdirSync(runs).sort()).toEqual(["one", "three", "two"]);
  });

  test.each([
    [true, "Removed one", ["three", "two"]],
    [false, "", ["one", "three", "two"]],
  ])("an answer counts (%s)", async (answer, said, left) => {
    if (!existsSync(join(runs, "one"))) {
      await averse(["run", "smoke", ...quick, "--run-dir", join(runs, "one")]);
    }
    const out: string[] = [];
    let asked = "";
    const code = await rm(
      ["one"],
      { yes: false, json: false, runs },
      { ...quiet, out: (text) => out.push(text) },
      async (question) => {
        asked = question;
        return answer;
      },
    );
    expect(asked).toMatch(/^ {2}\S+one \([\d.]+ kB\)\nRemove this run for good\? \[y\/N\] $/);
    expect(out.join("")).toContain(said);
    expect(code).toBe(0);
    expect(readdirSync(runs).sort()).toEqual(left);
  });

  test("takes several names and removes each once, or none where one is no run", async () => {
    const wrong = await averse(["rm", "two", "gone", "--yes", "--runs", runs]);
    expect(wrong.stderr).toContain('no run is named "gone"');
    expect(wrong.code).toBe(2);
    expect(existsSync(join(runs, "two"))).toBe(true);
    const args = ["rm", "two", join(runs, "two"), "latest", "--yes", "--json", "--runs", runs];
    const { code, stdout } = await averse(args);
    expect(code).toBe(0);
    const { removed, bytes } = JSON.parse(stdout);
    expect(new Set(removed).size).toBe(2);
    expect(bytes).toBeGreaterThan(1000);
    expect(readdirSync(runs)).toHaveLength(1);
  });

  test("refuses what is not a run folder, and a link to one", async () => {
    const other = join(scratch, "photos");
    mkdirSync(other, { recursive: true });
    writeFileSync(join(other, "dear.jpg"), "");
    const { code, stderr } = await averse(["rm", other, "--yes"]);
    expect(stderr).toContain("is not a run folder: manifest.json is missing");
    expect(code).toBe(2);
    expect(readdirSync(other)).toEqual(["dear.jpg"]);
    const [left = ""] = readdirSync(runs);
    const link = join(scratch, "link");
    symlinkSync(join(runs, left), link);
    const linked = await averse(["rm", link, "--yes"]);
    expect(linked.stderr).toContain("is a symbolic link to");
    expect(linked.code).toBe(2);
    const inside = await averse(["rm", ".", "--yes"], { cwd: join(runs, left) });
    expect(inside.stderr).toContain("the current folder is in it");
    expect(existsSync(join(runs, left, "manifest.json"))).toBe(true);
  });

  test("never removes a live run", async () => {
    const folder = join(runs, "live");
    const set = ["arms=rlhf", "training.iterations=100000", "checkpoint.every=0"];
    const live = start([
      ...["run", "smoke", "--plain", "--run-dir", folder],
      ...set.flatMap((one) => ["--set", one]),
    ]);
    await live.saying("iteration 2/");
    const { code, stderr } = await averse(["rm", folder, "--yes"]);
    expect(stderr).toMatch(/nothing was removed: .*live is running \(process \d+ on .*averse stop/);
    expect(code).toBe(2);
    live.child.kill("SIGKILL");
    await live.finished;
    expect((await averse(["rm", folder, "--yes"])).code).toBe(0);
    expect(existsSync(folder)).toBe(false);
  });
});

describe("a run that fails before its first iteration", { timeout: 60_000 }, () => {
  /** The fake engine loads folders that it exported and no other. */
  const refused = () => {
    const model = join(scratch, "no-model");
    mkdirSync(model, { recursive: true });
    return ["--set", `policy.model=${model}`, "--set", "sft.steps=0", "--set", "arms=rlhf"];
  };

  test("for its configuration leaves its message alone", async () => {
    const folder = join(scratch, "refused", "runs", "x");
    const args = ["run", "smoke", "--plain", "--run-dir", folder, ...refused()];
    const { code, stderr } = await averse(args);
    expect(stderr).toMatch(/^rlhf-s0: .*the fake engine loads 'builtin'/);
    expect(stderr).toContain("No run folder was kept. Start again with another value");
    expect(stderr).not.toContain("logs/");
    expect(code).toBe(2);
    expect(existsSync(join(scratch, "refused", "runs"))).toBe(false);
    const { stdout } = await averse([...args.filter((one) => one !== "--plain"), "--json"]);
    const last = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
    expect(last).toMatchObject({ type: "result", outcome: "failed", kind: "input", run: null });
  });

  test("in the background keeps the folder that its log is in", async () => {
    const folder = join(scratch, "refused", "runs", "background");
    const args = ["run", "smoke", "--detach", "--run-dir", folder, ...refused()];
    expect((await averse(args)).code).toBe(0);
    const attached = await averse(["attach", folder, "--plain"]);
    expect(attached.stderr + attached.stdout).toContain("the fake engine loads 'builtin'");
    expect(existsSync(join(folder, "logs", "controller.log"))).toBe(true);
  });

  test("for its machine stays, to be resumed", async () => {
    const worker = join(scratch, "dying.yaml");
    writeFileSync(worker, 'name: dying\nargv: ["sh", "-c", "exit 7"]\n');
    const folder = join(scratch, "stays");
    const args = ["run", "smoke", "--plain", "--run-dir", folder];
    const { code } = await averse([...args, "--set", `backend.worker=${worker}`]);
    expect(code).toBe(3);
    expect(existsSync(join(folder, "manifest.json"))).toBe(true);
  });
});
