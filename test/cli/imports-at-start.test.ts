/** What each command loads before it does anything: help and lists must start at once. */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";
import { root } from "./averse.js";

/** Packages reached from a source file by static imports of values. */
function packagesFrom(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return new Set();
  seen.add(file);
  const found = new Set<string>();
  const statement = /^(?:import|export)\s(?!type\b)(?:[^"';]*?\sfrom\s)?"([^"]+)"/gm;
  for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(statement)) {
    if (specifier.startsWith(".")) {
      const source = resolve(dirname(file), specifier.replace(/\.js$/, ".ts"));
      for (const name of packagesFrom(source, seen)) found.add(name);
    } else if (!specifier.startsWith("node:")) {
      found.add(specifier);
    }
  }
  return found;
}

const src = (name: string) => join(root, "src", name);

test("the command line itself loads commander alone", () => {
  // Nothing before it listens for signals.
  expect([...packagesFrom(src("main.ts"))]).toEqual([]);
  expect([...packagesFrom(src("cli/program.ts"))]).toEqual(["commander"]);
});

test("ls loads nothing but the command line: a schema library takes longer than it", () => {
  expect([...packagesFrom(src("cli/commands/ls.ts"))]).toEqual([]);
});

const lists = ["ls", "show", "steer", "attach", "compare", "config"];
test.each([...lists.map((name) => `commands/${name}`), "export/export-run"])(
  "%s loads no terminal, socket or plots",
  (name) => {
    const loaded = packagesFrom(src(`cli/${name}.ts`));
    for (const heavy of ["ink", "react", "zeromq", "echarts"]) expect(loaded).not.toContain(heavy);
  },
);

test("a run loads the dashboard and the plots when it needs them", () => {
  const loaded = packagesFrom(src("cli/commands/run.ts"));
  for (const late of ["ink", "react", "echarts"]) expect(loaded).not.toContain(late);
  expect(loaded).toContain("zeromq");
});
