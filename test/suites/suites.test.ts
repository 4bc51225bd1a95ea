import { describe, expect, test } from "vitest";
import { runSuites } from "./run-suites.mjs";
import { counted, countPytest, countVitest, type Suite } from "./suites.mjs";

describe("counting", () => {
  test("vitest's tests, and files that could not be loaded", () => {
    const json = JSON.stringify({
      numPassedTests: 3,
      numFailedTests: 1,
      numPendingTests: 2,
      numTodoTests: 1,
      testResults: [
        { status: "failed", assertionResults: [] },
        { status: "failed", assertionResults: [{}] },
        { status: "passed", assertionResults: [{}] },
      ],
    });
    expect(countVitest(json)).toEqual({ passed: 3, failed: 2, skipped: 3 });
  });

  test("pytest's tests and errors", () => {
    const xml =
      '<?xml version="1.0"?><testsuites name="x"><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="16" time="1.2"><testcase/></testsuite></testsuites>';
    expect(countPytest(xml)).toEqual({ passed: 10, failed: 3, skipped: 3 });
  });

  test("a suite that ends badly without a failed test has failed", () => {
    const good = { passed: 4, failed: 0, skipped: 0 };
    expect(counted(0, () => good)).toEqual(good);
    expect(counted(1, () => good)).toEqual({ ...good, failed: 1 });
    expect(counted(0, () => ({ passed: 0, failed: 0, skipped: 0 })).failed).toBe(1);
    expect(counted(1, () => ({ passed: 1, failed: 2, skipped: 0 })).failed).toBe(2);
    expect(
      counted(0, () => {
        throw new Error("no result file");
      }),
    ).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});

test("suites run in lanes, their counts add up, and only failures are shown in full", async () => {
  const suite = (name: string, lane: Suite["lane"], program: string): Suite => ({
    name,
    lane,
    argv: [process.execPath, "-e", program],
    count: (code) => ({ passed: code === 0 ? 2 : 1, failed: code === 0 ? 0 : 1, skipped: 0 }),
  });
  const printed: string[] = [];
  const total = await runSuites(
    [
      suite("one", "js", "console.log('quiet')"),
      suite("two", "python", "console.log('loud'); process.exit(1)"),
      suite("three", "js", ""),
    ],
    {
      root: process.cwd(),
      env: process.env,
      print: (text) => printed.push(text),
      stopped: () => false,
    },
  );
  expect(total).toEqual({ passed: 5, failed: 1, skipped: 0 });
  const text = printed.join("\n");
  expect(text).toMatch(/✓ one: 2 passed \(\d+ s\)/);
  expect(text).toMatch(/loud\n✗ two: 1 passed, 1 failed \(\d+ s\)/);
  expect(text).not.toContain("quiet");
  expect(printed.indexOf("  three …")).toBeGreaterThan(
    printed.findIndex((line) => line.startsWith("✓ one")),
  );
});
