import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { findPython } from "../../src/bootstrap/find-python.mjs";

/** A PATH with nothing but these: name → what they print, and their exit status. */
function pathWith(programs: Readonly<Record<string, readonly [text: string, status: number]>>) {
  const folder = mkdtempSync(join(tmpdir(), "averse-path-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(folder, { recursive: true });
  for (const [name, [text, status]] of Object.entries(programs)) {
    const file = join(folder, name);
    writeFileSync(file, `#!/bin/sh\nprintf '${text}'\nexit ${status}\n`);
    chmodSync(file, 0o755);
  }
  return { PATH: folder };
}

const found = (version: string): readonly [string, number] => [
  `${version}\\n/opt/${version}/python\\n`,
  0,
];

describe("the Python that is found", () => {
  test("is the first that is new enough", () => {
    const path = pathWith({
      python3: found("3.9.2"),
      "python3.12": found("3.12.1"),
      "python3.11": found("3.11.0"),
    });
    expect(findPython(path)).toMatchObject({ version: "3.12.1", program: "/opt/3.12.1/python" });
  });

  test("is one that the pinned packages know, before one that is too new", () => {
    const path = pathWith({ python3: found("3.15.0"), "python3.13": found("3.13.0") });
    expect(findPython(path).version).toBe("3.13.0");
    expect(findPython(pathWith({ python3: found("3.15.0") })).version).toBe("3.15.0");
  });

  test("is the one that AVERSE_PYTHON names", () => {
    const path = pathWith({ python3: found("3.12.0"), mine: found("3.11.4") });
    expect(findPython({ ...path, AVERSE_PYTHON: "mine" }).version).toBe("3.11.4");
  });

  test("is no shim without a Python behind it", () => {
    const path = pathWith({
      python3: ["pyenv: python3: command not found\\n", 127],
      python: found("3.12.0"),
    });
    expect(findPython(path).version).toBe("3.12.0");
  });
});

describe("without one, a sentence says", () => {
  test.each([
    [
      "that there is none",
      pathSpec({}),
      "Averse needs Python 3.11 or newer and none was found: install one",
    ],
    [
      "that it is too old",
      pathSpec({ python3: found("3.9.2") }),
      "none was found (python3 is Python 3.9.2): install one",
    ],
    [
      "that venv is missing",
      pathSpec({ python3: ["3.12.0\\n/x\\n", 1] }),
      "Python's venv module is missing (python3 (3.12.0) has no venv module): install it (Debian, Ubuntu: apt install python3-venv)",
    ],
  ])("%s", (_, path, words) => {
    expect(() => findPython(path())).toThrow(words);
  });

  test("that AVERSE_PYTHON names no such thing", () => {
    expect(() =>
      findPython({ ...pathWith({ python3: found("3.12.0") }), AVERSE_PYTHON: "/nowhere" }),
    ).toThrow(
      "AVERSE_PYTHON=/nowhere is not a Python 3.11 or newer with venv: correct it, or unset it",
    );
  });
});

function pathSpec(programs: Parameters<typeof pathWith>[0]) {
  return () => pathWith(programs);
}
