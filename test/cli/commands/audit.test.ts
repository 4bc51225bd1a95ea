import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runCommandLine } from "../../../src/cli/program.js";
import { averse, buildProgramFirst } from "../averse.js";

const folder = mkdtempSync(join(tmpdir(), "averse-audit-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
buildProgramFirst();

function file(name: string, rows: readonly object[]): string {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}

/** The command in this process: the program's own start is tested once. */
function audit(...args: string[]) {
  return auditIn(120, ...args);
}

async function auditIn(columns: number, ...args: string[]) {
  const said = { out: "", err: "" };
  const code = await runCommandLine(["audit", ...args], {
    out: (text) => {
      said.out += `${text}\n`;
    },
    err: (text) => {
      said.err += `${text}\n`;
    },
    isTty: false,
    hasScreen: false,
    columns,
    color: false,
    unicode: true,
  });
  return { code, ...said, err: said.err.replaceAll(folder, "…") };
}

async function recordOf(...args: string[]) {
  const { code, out, err } = await audit(...args, "--json");
  expect(err).toBe("");
  expect(code).toBe(0);
  return JSON.parse(out);
}

const rows = Array.from({ length: 40 }, (_, at) => ({
  prompt: `prompt ${at >> 1}`,
  text: `words ${at}`,
  ps: at >> 1,
  a: at,
  b: 2 * at,
}));
const both = file("both.jsonl", rows);

describe("the record", () => {
  test("has the keys that scripts rely on", async () => {
    const record = await recordOf(both, "--arm", "ppo=a", "--arm", "ra=b", "--harm-threshold", "3");
    expect(record.rows).toBe(40);
    expect(Object.keys(record.arms)).toEqual(["ppo", "ra"]);
    expect(record.arms.ppo).toMatchObject({
      n: 40,
      mean: 19.5,
      var: { "0.01": 0, "0.05": 1, "0.1": 3, "0.25": 9 },
      cvar: { "0.01": 0, "0.05": 0.5, "0.1": 1.5, "0.25": 4.5 },
      harm_rate: 3 / 40,
      cvar_lower: {
        "0.1": { level: 0.95, bound: 0, method: "order-statistics", side: "lower" },
      },
    });
    expect(record.comparisons[0]).toMatchObject({
      ...{ a: "ppo", b: "ra", metric: "mean", difference: -19.5 },
      ...{ ci95: [expect.any(Number), expect.any(Number)], p: expect.any(Number) },
    });
    expect(record.comparisons.map(({ metric }: { metric: string }) => metric)).toEqual([
      ...["mean", "cvar_0.01", "cvar_0.05", "cvar_0.1", "cvar_0.25", "harm_rate"],
    ]);
    expect(record.report).toBeNull();
  });

  test("of one column: an arm of its name, no harm without a threshold, no comparison", async () => {
    const record = await recordOf(both, "--score", "a");
    expect(Object.keys(record.arms)).toEqual(["a"]);
    expect(record.arms.a.harm_rate).toBeNull();
    expect(record.arms.a.harm_rate_upper).toBeNull();
    expect(record.comparisons).toEqual([]);
  });

  test("where higher is worse: the upper tail, in the scores' own sign", async () => {
    const record = await recordOf(
      ...[both, "--score", "a", "--higher-is-worse", "--harm-threshold", "38", "--upper", "100"],
    );
    expect(record.arms.a).toMatchObject({
      mean: 19.5,
      var: { "0.1": 36 },
      cvar: { "0.1": 37.5 },
      harm_rate: 1 / 40,
      cvar_lower: { "0.25": { side: "upper", certified: true, range_end: 100 } },
    });
    expect(record.arms.a.worst_rows[0]).toMatchObject({ row: 40, score: 39 });
  });

  test("takes the rows of several files together, and tells which file a row is of", async () => {
    const first = file("first.jsonl", [{ s: 1 }, { s: 2 }]);
    const second = file("second.jsonl", [{ s: -5 }, { s: 0 }, { s: 3 }]);
    const record = await recordOf(first, second, "--score", "s", "--worst", "2");
    expect(record.rows).toBe(5);
    expect(record.arms.s).toMatchObject({ n: 5, mean: 0.2 });
    expect(record.arms.s.worst_rows).toMatchObject([
      { file: second, row: 1, score: -5 },
      { file: second, row: 2, score: 0 },
    ]);
  });

  test("pairs arms in files of their own by their prompts, in any order", async () => {
    const first = file(
      "one.jsonl",
      rows.map(({ prompt, a }) => ({ prompt, score: a })),
    );
    const other = file(
      "two.jsonl",
      rows.map(({ prompt, a }) => ({ prompt, reward: a + 1 })).reverse(),
    );
    const arms = ["--arm", `x=${first}:score`, "--arm", `y=${other}:reward`];
    const paired = await recordOf(...arms, "--prompt", "prompt");
    expect(paired.rows).toBe(80);
    expect(paired.prompts).toEqual({ column: "prompt", count: 20 });
    expect(paired.comparisons[0]).toMatchObject({ paired: true, units: 20, difference: -1 });
    // A difference that is 1 in every prompt.
    expect(paired.comparisons[0].ci95[1] - paired.comparisons[0].ci95[0]).toBeCloseTo(0, 9);
    const apart = await recordOf(...arms);
    expect(apart.comparisons[0]).toMatchObject({ paired: false, units: 80, difference: -1 });
    expect(apart.notes.join(" ")).toContain("--prompt COLUMN pairs them");
  });

  test("knows a file again however its path is spelled", async () => {
    const again = join(folder, ".", "x", "..").concat("/./both.jsonl");
    const args = ["--arm", `one=${both}:a`, "--arm", `two=${again}:b`];
    const { rows: read, comparisons } = await recordOf(...args);
    expect([read, comparisons[0].paired]).toEqual([40, true]);
    const { code, err } = await audit(both, again, "--score", "a");
    expect([code, err]).toEqual([2, expect.stringContaining("its rows would count twice")]);
  });

  test("groups rows by prompt, and shows scores by prompt score, worst first", async () => {
    const record = await recordOf(
      ...[both, "--score", "a", "--prompt", "prompt", "--prompt-score", "ps"],
    );
    expect(record.arms.a).toMatchObject({ n: 40, units: 20 });
    expect(record.arms.a.per_prompt.mean_worst).toBe(19);
    expect(record.arms.a.by_prompt_score[0]).toMatchObject({ score: 4.5, n: 10 });
  });

  test("has KL where reward and penalised return are given", async () => {
    const path = file("kl.jsonl", [
      { reward: 1, return: 0.5 },
      { reward: 2, return: 1.9 },
    ]);
    const record = await recordOf(path, "--score", "reward", "--return", "return", "--beta", "0.1");
    expect(record.arms.reward.kl).toMatchObject({ beta: 0.1, mean: expect.closeTo(3, 9) });
    expect(record.arms.reward.kl.tail_mean).toBeCloseTo(5, 9);
  });

  test("leaves out invalid rows only where it is told to, counted", async () => {
    const path = file("holes.jsonl", [
      { a: 1, b: 2 },
      { a: null, b: 3 },
      { a: 5, b: 4 },
    ]);
    const record = await recordOf(path, "--score", "a", "--score", "b", "--skip-invalid");
    expect(record.rows).toBe(3);
    expect(record.arms.a).toMatchObject({ n: 2, skipped: 1, mean: 3 });
    expect(record.arms.b).toMatchObject({ n: 3, skipped: 0 });
    // Over the rows that both have.
    expect(record.comparisons[0]).toMatchObject({ units: 2, difference: 0 });
    expect(record.notes).toContainEqual("a: 1 row without a valid value left out");
  });
});

describe("texts", () => {
  const args = [both, "--score", "a", "--prompt", "prompt", "--text", "text", "--worst", "1"];

  test("are masked everywhere, unless asked for", async () => {
    const report = join(folder, "masked");
    const masked = [
      (await audit(...args, "--report", report)).out,
      JSON.stringify(await recordOf(...args)),
      ...["report.html", "report.md"].map((name) => readFileSync(join(report, name), "utf8")),
    ];
    for (const text of masked) {
      expect(text).toContain("w···· 0");
      expect(text).not.toContain("words 0");
      expect(text).not.toContain("prompt 0");
    }
    const shown = join(folder, "shown");
    expect((await audit(...args, "--show-text", "--report", shown)).out).toContain("words 0");
    expect(readFileSync(join(shown, "report.html"), "utf8")).toContain("words 0");
    expect((await recordOf(...args, "--show-text")).arms.a.worst_rows[0]).toMatchObject({
      prompt: "prompt 0",
      text: "words 0",
    });
  });

  test("of chat messages are their contents", async () => {
    const prompt = [{ role: "user", content: "hello" }];
    const path = file("chat.jsonl", [{ prompt, a: 1 }]);
    const record = await recordOf(path, "--score", "a", "--prompt", "prompt", "--show-text");
    expect(record.arms.a.worst_rows[0].prompt).toBe("user: hello");
  });
});

test("the terminal says what the tail is like, and what the bounds rest on", async () => {
  const { code, out } = await audit(
    both,
    "--arm",
    "ppo=a",
    "--arm",
    "ra=b",
    "--harm-threshold",
    "3",
  );
  expect(code).toBe(0);
  expect(out).toContain("40 rows of 1 file, 2 arms");
  expect(out).toContain(
    "ppo: the worst 10 % of 40 rows have a mean score of 1.500; all rows 19.500.",
  );
  expect(out).toContain("7.50 % of the rows are harmful");
  expect(out).toContain("Not certified");
  expect(out).toMatch(/ppo − ra +mean +−19\.500/);
});

test("a narrow terminal shows wide tables in parts", async () => {
  const { out } = await auditIn(60, both, "--arm", "ppo=a", "--arm", "ra=b");
  const tables = out.slice(0, out.indexOf("Worst rows"));
  expect(Math.max(...tables.split("\n").map((line) => line.length))).toBeLessThanOrEqual(60);
  expect(tables.match(/^arm /gm)!.length).toBeGreaterThan(3);
  expect(tables).toContain("VaR 0.01");
});

test("a report lies where it is asked for, and nowhere else", async () => {
  const place = join(folder, "reports", "one");
  const record = await recordOf(both, "--score", "a", "--prompt-score", "ps", "--report", place);
  expect(record.report).toEqual(["report.html", "report.md"].map((name) => join(place, name)));
  const html = readFileSync(join(place, "report.html"), "utf8");
  expect(html).toContain('id="audit-scores"');
  expect(html).toContain('id="audit-by-prompt"');
  expect(readFileSync(join(place, "report.md"), "utf8")).toContain("averse audit");
});

describe("refused:", () => {
  const invalid = file("invalid.jsonl", [{ a: 1 }, { a: "n/a" }]);
  const run = join(folder, "run");
  mkdirSync(run);
  writeFileSync(join(run, "manifest.json"), "{}");
  test.each<[string, string[], string]>([
    ["no column", [both], "both.jsonl has prompt, text, ps, a, b. --score COLUMN"],
    ["neither file nor column", [], "which column holds the scores?"],
    ["no file", ["--score", "a"], "which files?"],
    ["a file that is not there", [join(folder, "none.csv"), "--score", "a"], "no such file"],
    [
      "an unknown column",
      [both, "--score", "aa"],
      'no column "aa" in its first 40 rows. Did you mean "a"?',
    ],
    [
      "a value that is no number",
      [invalid, "--score", "a"],
      '…/invalid.jsonl, row 2 (line 2): column "a" is "n/a", not a number. Mend the row, or use --skip-invalid',
    ],
    ["a missing prompt", [invalid, "--score", "a", "--prompt", "p"], 'no column "p"'],
    ["an arm without a column", [both, "--arm", "a"], "expected NAME=COLUMN"],
    ["two arms of one name", [both, "--arm", "x=a", "--arm", "x=b"], 'two arms are called "x"'],
    ["a file twice", [both, both, "--score", "a"], "named twice"],
    ["a file of an arm that is not there", ["--arm", "x=none.csv:a"], "there is no file none.csv"],
    ["a file that no arm reads", [both, "--arm", `x=${invalid}:a`], "no arm reads it"],
    ["the wrong side's bound", [both, "--score", "a", "--upper", "1"], "--lower, the lowest"],
    [
      "the other wrong side's bound",
      [both, "--score", "a", "--higher-is-worse", "--lower", "1"],
      "--upper, the highest",
    ],
    [
      "a bound that a score breaks",
      [both, "--score", "a", "--lower", "1"],
      "a: a score is 0, below --lower 1",
    ],
    [
      "returns without β",
      [both, "--score", "a", "--return", "b"],
      "both --return COLUMN and --beta",
    ],
    [
      "a return of no arm",
      [both, "--score", "a", "--score", "b", "--return", "c", "--beta", "1"],
      "expected ARM=COLUMN",
    ],
    ["a report into a run", [both, "--score", "a", "--report", run], "the folder of a run"],
    [
      "a threshold that is no number",
      [both, "--score", "a", "--harm-threshold", "x"],
      "expected a number",
    ],
    ["a level that is none", [both, "--score", "a", "--level", "95"], "expected a probability"],
  ])("%s", async (_, args, message) => {
    const { code, out, err } = await audit(...args);
    expect(err).toContain(message);
    expect(code).toBe(2);
    expect(out).toBe("");
  });

  test("nothing but invalid rows, even with --skip-invalid", async () => {
    const path = file("nothing.jsonl", [{ a: null }]);
    expect((await audit(path, "--score", "a", "--skip-invalid")).err).toContain(
      "no row has a valid score",
    );
  });
});

test("the program itself, with a negative threshold", async () => {
  const { code, stdout, stderr } = await averse(
    ["audit", both, "--score", "a", "--harm-threshold", "-1.5", "--json"],
    { cwd: folder },
  );
  expect(stderr).toBe("");
  expect(JSON.parse(stdout).arms.a.harm_rate).toBe(0);
  expect(code).toBe(0);
  expect(existsSync(join(folder, "report.html"))).toBe(false);
});
