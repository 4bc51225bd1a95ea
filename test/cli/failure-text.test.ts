import { describe, expect, test } from "vitest";
import { failureText, UserError } from "../../src/cli/failure-text.js";
import { ConfigError } from "../../src/config/problems.js";
import { RecordError } from "../../src/system/record-error.js";
import { WorkerFailure, WorkerLost } from "../../src/worker/contract.js";

const system = (code: string, path?: string) =>
  Object.assign(new Error(`${code}: x`), { code, path });

describe("an error's exit code and words", () => {
  test.each([
    [new UserError("wrong"), 2, "wrong"],
    [new UserError("no Python", 3), 3, "no Python"],
    [new ConfigError([]), 2, ""],
    [new RecordError("exists", "it is there"), 2, "it is there."],
    [new RecordError("name", "bad name"), 2, "bad name."],
    [new RecordError("missing", "not there"), 2, "not there."],
    [new RecordError("permission", "may not"), 3, "may not."],
    [new RecordError("space", "full"), 3, "full."],
    [new RecordError("damaged", "torn"), 3, "torn."],
    [new WorkerLost("gone", "exited", []), 3, "gone"],
    [new WorkerFailure("load", "input", "no model", null, null), 3, "no model"],
    [system("EACCES", "/x"), 3, "/x: no permission (EACCES)."],
    [system("ENOSPC"), 3, "the disk is full (ENOSPC)."],
    [system("EADDRINUSE"), 3, "the port or socket is in use (EADDRINUSE)."],
    [system("ENOENT", "/y"), 2, "/y: no such file or folder (ENOENT)."],
  ])("%s", (error, exit, text) => {
    expect(failureText(error, false)).toEqual({ exit, text });
  });

  test("goes by the class alone: another's error may have the same name", () => {
    for (const name of ["ConfigError", "RecordError", "WorkerLost", "UserError"]) {
      const error = Object.assign(new Error("not ours"), { name });
      expect(failureText(error, false).text).toMatch(/^unexpected error: not ours/);
    }
  });

  test("of a fault that nobody foresaw points at --debug, which shows the stack", () => {
    const error = new TypeError("x is undefined");
    expect(failureText(error, false)).toEqual({
      exit: 3,
      text: "unexpected error: x is undefined. This is a fault of Averse itself; --debug shows where.",
    });
    expect(failureText(error, true).text).toContain("failure-text.test.ts");
    expect(failureText("thrown text", false).text).toContain("thrown text");
  });
});
