/** `averse frontier` on a sweep over β that really ran, on the worker without models. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { averse, buildProgramFirst, scratch } from "../averse.js";

buildProgramFirst();

const timeout = 120_000;

describe("a sweep over β", () => {
  beforeAll(async () => {
    const grid = ["--grid", "kl.beta=0.05,0.2,0.8", "--seeds", "3"];
    const { code, stderr } = await averse([
      ...["sweep", "smoke", ...grid, "--set", "evaluation.every=0", "--plain"],
      ...["--run-dir", join(scratch, "runs", "swept")],
    ]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
  }, timeout);

  test("is read at equal KL, and again from the table that keeps it", { timeout }, async () => {
    const first = await averse(["frontier", "swept", "--table", "points.json", "--json"]);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    const { against, differences, policies, sources } = JSON.parse(first.stdout);
    expect(against).toBe("rlhf");
    // SFT, and two arms at three values of β.
    expect(policies).toHaveLength(3 * (1 + 2 * 3));
    const tail = differences.find((row: { metric: string }) => row.metric === "tail_reward");
    expect(tail).toMatchObject({ a: "ra-rlhf", b: "rlhf", seeds: 3 });
    expect(sources).toMatchObject([{ run: "swept", experiment: "smoke" }]);
    const evaluation = JSON.parse(
      readFileSync(join(scratch, "runs", "swept", "evaluation.json"), "utf8"),
    );
    expect(evaluation.sweep.equal_kl).toEqual(differences);

    const again = await averse(["frontier", "points.json", "swept", "--json"]);
    expect(JSON.parse(again.stdout)).toEqual({ ...JSON.parse(first.stdout), written: [] });
    const one = await averse(["frontier", "points.json", "--arms", "rlhf", "--json"]);
    expect(JSON.parse(one.stdout)).toMatchObject({ against: "rlhf", differences: [] });
    expect(JSON.parse(one.stdout).policies).toHaveLength(3 * (1 + 3));
    const shown = await averse(["frontier", "points.json", "--against", "ra-rlhf"]);
    expect(shown.stdout).toContain("21 policies of 3 arms, seeds 0, 1, 2");
    expect(shown.stdout).toContain("minus ra-rlhf, at equal KL");
  });

  test("has a report with its plots", { timeout }, async () => {
    const { code, stdout } = await averse(["frontier", "swept", "--report", "at-equal-kl"]);
    expect(code).toBe(0);
    expect(stdout).toContain(join("at-equal-kl", "report.html"));
    const files = ["report.html", "report.md", "frontier.svg"];
    expect(files.map((name) => existsSync(join(scratch, "at-equal-kl", name)))).toEqual([
      true,
      true,
      true,
    ]);
    expect(readFileSync(join(scratch, "at-equal-kl", "report.html"), "utf8")).toContain(
      "Final policies against KL",
    );
  });

  test.each([
    [["--against", "nobody"], "--against nobody: there is no such arm. The arms are sft, rlhf"],
    [["--arms", "rlhf,nobody"], "--arms nobody: there is no such arm. The arms are sft, rlhf"],
    [["--report", join("runs", "swept")], "the folder of a run"],
  ])("refuses %j", { timeout }, async (options, words) => {
    const { code, stderr } = await averse(["frontier", "swept", ...options]);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });
});

test("what is neither a run nor a table is refused", { timeout }, async () => {
  const missing = await averse(["frontier", "nowhere"]);
  expect(missing.code).toBe(2);
  expect(missing.stderr).toContain('no run is named "nowhere"');
  const wrong = await averse(["frontier", process.execPath]);
  expect(wrong.code).not.toBe(0);
  expect(wrong.stderr).toContain("is not JSON");
});
