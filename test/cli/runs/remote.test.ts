import { describe, expect, test } from "vitest";
import { remoteRun, sshArguments } from "../../../src/cli/runs/remote.js";

const options = { remoteCommand: "averse", json: false, plain: false, runs: null };

describe("the address of a run on another machine", () => {
  test.each([
    ["ssh://gpu/latest", { host: "gpu", port: null, run: "latest" }],
    [
      "ssh://me@gpu.example:2222/data/runs/a-1",
      { host: "me@gpu.example", port: 2222, run: "data/runs/a-1" },
    ],
    ["ssh://gpu//data/runs/a-1", { host: "gpu", port: null, run: "/data/runs/a-1" }],
    ["runs/a-1", null],
  ])("%s", (address, expected) => {
    expect(remoteRun(address)).toEqual(expected);
  });

  test.each([
    ["ssh://gpu", "found no run"],
    ["ssh://gpu/", "found no run"],
    ["ssh://-oProxyCommand=x/a", "names no run"],
    ["ssh:///a", 'the host ""'],
  ])("%s is refused", (address, words) => {
    expect(() => remoteRun(address)).toThrow(words);
  });
});

test("ssh gets a terminal where there is a screen, and every word quoted", () => {
  const run = { host: "gpu", port: 22, run: "a b; rm" };
  expect(sshArguments(run, options, true)).toEqual([
    ...["-t", "-p", "22", "--", "gpu", "averse attach 'a b; rm'"],
  ]);
  const lines = { ...options, json: true, runs: "/r" };
  expect(sshArguments(run, lines, true).at(-1)).toBe("averse attach 'a b; rm' --json --runs /r");
  expect(sshArguments(run, lines, true)).not.toContain("-t");
});
