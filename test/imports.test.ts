/**
 * The direction of imports and the edges of the program, checked from the source text: what each
 * folder of src may import, who may touch disk, processes, sockets and the terminal.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

/** Folders of src, and the files beside them, with what they may import of each other. */
const edges: Readonly<Record<string, readonly string[]>> = {
  stats: [],
  risk: ["stats"],
  text: [],
  protocol: ["text"],
  bootstrap: [],
  system: [],
  config: ["risk", "stats", "text"],
  journal: ["protocol", "system", "text"],
  worker: ["config", "protocol", "system", "text"],
  audit: ["risk", "stats"],
  tables: ["text"],
  analysis: ["config", "journal", "risk", "stats", "text"],
  engine: ["analysis", "config", "journal", "protocol", "risk", "sizing", "stats", "text"],
  "run-model": ["analysis", "config", "engine", "journal", "risk", "text"],
  store: ["analysis", "config", "engine", "journal", "run-model", "system", "tables", "text"],
  artifacts: ["engine", "store", "system"],
  live: ["engine"],
  sizing: ["config", "risk"],
  preflight: ["config", "risk", "sizing", "text"],
  report: ["analysis", "audit", "config", "journal", "risk", "run-model", "stats", "text"],
  tui: [
    ...["analysis", "config", "engine", "journal", "report"],
    ...["risk", "run-model", "stats", "text"],
  ],
  web: ["config", "report", "run-model", "text"],
  cli: [
    ...["analysis", "artifacts", "audit", "bootstrap", "config", "engine", "journal", "live"],
    ...["preflight", "report", "run-model", "sizing", "store", "system", "tables", "text"],
    ...["tui", "web", "worker"],
  ],
  "main.ts": ["cli"],
};

/** Single files that a part may import beyond its edges, with the reason. */
const exceptions: Readonly<Record<string, readonly string[]>> = {
  // What every call of a worker means, whoever implements it.
  // And that the record refuses, which the ports tell in the record's own class.
  engine: ["worker/contract.js", "system/record-error.js"],
  // Arrays lie in files as they go over the wire.
  artifacts: ["protocol/arrays.js"],
};

/** Who alone may import a package; `*` at the end stands for all that begins so. */
const owners: Readonly<Record<string, readonly string[]>> = {
  zeromq: ["worker"],
  execa: ["worker"],
  "node:child_process": ["bootstrap", "cli"],
  ink: ["tui"],
  react: ["tui"],
  "react/*": ["tui"],
  commander: ["cli"],
  hono: ["web"],
  "hono/*": ["web"],
  "@hono/*": ["web"],
  echarts: ["report"],
  "echarts/*": ["report"],
  "d3-array": ["stats", "tui"],
  hyparquet: ["tables"],
  "hyparquet-compressors": ["tables"],
  "hyparquet-writer": ["tables"],
  papaparse: ["tables"],
  "node:fs": [
    ...["artifacts", "store", "journal", "system", "tables", "worker", "live", "config"],
    ...["preflight"],
    ...["cli", "bootstrap"],
  ],
  "node:fs/*": [
    ...["artifacts", "store", "journal", "system", "tables", "worker", "live", "config"],
    ...["cli", "bootstrap"],
  ],
  "node:net": ["live", "worker", "web", "bootstrap"],
};

/** What `text` and `stats` leave to libraries; of zod `text` knows the types of its issues. */
const pureLibraries = ["d3-array", "node:module", "string-width", "zod"];

const bannedNames = /^(index|utils?|helpers?|common|managers?|services?)$/;

interface SourceFile {
  /** Relative to src, with `/`. */
  readonly path: string;
  readonly text: string;
}

interface Import {
  readonly specifier: string;
  /** What stands between `import` and `from`. */
  readonly clause: string;
}

/**
 * Import and re-export statements, and imports at run time with a literal name.
 *
 * @param kind `static`: the statements alone
 */
function importsOf(text: string, kind: "all" | "static" = "all"): Import[] {
  const statement =
    /^[ \t]*(?:import\s+(?:([^"';]*?)\s*from\s*)?|export\s+(?:type\s+)?((?:\*|\{)[^"';]*?)\s*from\s*)["']([^"']+)["']/gm;
  const call = /\b(?:import|require)\s*\(\s*["'`]([^"'`]+)["'`]/g;
  return [
    ...Array.from(text.matchAll(statement), (match) => ({
      specifier: match[3]!,
      clause: match[1] ?? match[2] ?? "",
    })),
    ...Array.from(kind === "all" ? text.matchAll(call) : [], (match) => ({
      specifier: match[1]!,
      clause: "",
    })),
  ];
}

/** Comments out, so that prose may name what code may not. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** `domain`, `worker.ts`: the part of src that a path belongs to. */
function partOf(path: string): string {
  return path.split("/")[0]!;
}

/** The part that a relative import leads to; null for a package or a path out of src. */
function targetPart(from: string, specifier: string): string | null {
  if (!specifier.startsWith(".")) {
    return null;
  }
  const target = posix.join(posix.dirname(from), specifier);
  return target.startsWith("..") ? null : partOf(target).replace(/\.js$/, ".ts");
}

function matches(pattern: string, specifier: string): boolean {
  return pattern.endsWith("*")
    ? specifier.startsWith(pattern.slice(0, -1))
    : specifier === pattern || specifier === pattern.replace(/^node:/, "");
}

function edgeFaults({ path, text }: SourceFile): string[] {
  const part = partOf(path);
  return importsOf(text).flatMap(({ specifier }) => {
    const target = targetPart(path, specifier);
    const sound =
      target === null ||
      target === part ||
      edges[part]?.includes(target) ||
      exceptions[part]?.includes(posix.join(posix.dirname(path), specifier));
    return sound ? [] : [`${path} imports ${specifier}`];
  });
}

/** The file of src that a relative import leads to; null: a package, or out of src. */
function targetFile(from: string, specifier: string, files: ReadonlySet<string>): string | null {
  if (!specifier.startsWith(".")) {
    return null;
  }
  const target = posix.join(posix.dirname(from), specifier);
  const candidates = [target, target.replace(/\.js$/, ".ts"), target.replace(/\.js$/, ".tsx")];
  return candidates.find((candidate) => files.has(candidate)) ?? null;
}

/** Files that import each other, directly or in a round, types too (Tarjan's components). */
function importCircles(files: readonly SourceFile[]): string[] {
  const paths = new Set(files.map(({ path }) => path));
  const edges = new Map(
    files.map(({ path, text }) => [
      path,
      importsOf(text, "static").flatMap(
        ({ specifier }) => targetFile(path, specifier, paths) ?? [],
      ),
    ]),
  );
  const found = new Map<string, { order: number; low: number }>();
  const open: string[] = [];
  const circles: string[] = [];
  const visit = (path: string): { order: number; low: number } => {
    const own = { order: found.size, low: found.size };
    found.set(path, own);
    open.push(path);
    for (const next of edges.get(path)!) {
      if (!found.has(next)) {
        own.low = Math.min(own.low, visit(next).low);
      } else if (open.includes(next)) {
        own.low = Math.min(own.low, found.get(next)!.order);
      }
    }
    if (own.low === own.order) {
      const circle = open.splice(open.indexOf(path));
      if (circle.length > 1) {
        circles.push(circle.sort().join(" ↔ "));
      }
    }
    return own;
  };
  for (const path of paths) {
    if (!found.has(path)) {
      visit(path);
    }
  }
  return circles;
}

/**
 * Names that two files may both export, with the reason: elsewhere one name is one thing, so that a
 * reader who searches for it finds it.
 */
const sharedNames: Readonly<Record<string, string>> = {
  mean: "the risk measure of that name in the configuration, and the mean of figures",
};

/** Names that more than one file exports. */
function doubleNames(files: readonly SourceFile[]): string[] {
  const declaration =
    /^export (?:abstract |async )*(?:const|let|class|function\*?|interface|type|enum) (\w+)/gm;
  const owners = new Map<string, Set<string>>();
  for (const { path, text } of files) {
    for (const [, name] of text.matchAll(declaration)) {
      owners.set(name!, (owners.get(name!) ?? new Set()).add(path));
    }
  }
  return [...owners]
    .filter(([name, paths]) => paths.size > 1 && !Object.hasOwn(sharedNames, name))
    .map(([name, paths]) => `${name}: ${[...paths].sort().join(", ")}`);
}

function ownerFaults({ path, text }: SourceFile): string[] {
  return importsOf(text).flatMap(({ specifier }) =>
    Object.entries(owners)
      .filter(([pattern, parts]) => matches(pattern, specifier) && !parts.includes(partOf(path)))
      .map(() => `${path} imports ${specifier}`),
  );
}

/** The configuration is read, never written: files on disk are `record`'s. */
function writeFaults({ path, text }: SourceFile): string[] {
  return importsOf(text)
    .filter(({ specifier }) => /^(node:)?fs(\/promises)?$/.test(specifier))
    .filter(
      ({ clause }) =>
        /\*|\b(write|append|mkdir|mkdtemp|rm|rename|unlink|copy|cp|open|create|chmod|symlink|truncate)/.test(
          clause,
        ) || !/^(type\s+)?\{/.test(clause),
    )
    .map(({ clause }) => `${path} imports ${clause} of node:fs`);
}

function filesIn(root: string): SourceFile[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|tsx|mjs)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({
      path: file.slice(root.length).replaceAll("\\", "/"),
      text: readFileSync(file, "utf8"),
    }));
}

const sources = filesIn(fileURLToPath(new URL("../src/", import.meta.url)));
/** Relative to the folder above, so that no folder of src is meant. */
const tests = filesIn(fileURLToPath(new URL("../", import.meta.url)).concat("test/")).map(
  ({ path, text }) => ({ path: `../test/${path}`, text }),
);
const within = (...parts: string[]): SourceFile[] =>
  sources.filter(({ path }) => parts.includes(partOf(path)));
const without = (...parts: string[]): SourceFile[] =>
  sources.filter(({ path }) => !parts.includes(partOf(path)));
/** Files whose code, comments aside, matches. */
const naming = (files: SourceFile[], pattern: RegExp): string[] =>
  files.filter(({ text }) => pattern.test(withoutComments(text))).map(({ path }) => path);

describe("src", () => {
  test("is read: there are files to check", () => {
    expect(sources.length).toBeGreaterThan(20);
    expect(within("risk", "stats", "text").length).toBeGreaterThan(10);
  });

  test("has no part that these rules do not know", () => {
    expect(
      [...new Set(sources.map(({ path }) => partOf(path)))].filter((part) => !edges[part]),
    ).toEqual([]);
  });

  test("imports only along the allowed edges", () => {
    expect(sources.flatMap(edgeFaults)).toEqual([]);
  });

  test("imports sockets, processes, disk and terminal only where they belong", () => {
    expect(sources.flatMap(ownerFaults)).toEqual([]);
  });

  test("writes no file from config", () => {
    expect(within("config").flatMap(writeFaults)).toEqual([]);
  });

  test("risk, stats and text import nothing but each other", () => {
    const outside = within("risk", "stats", "text").flatMap(({ path, text }) =>
      importsOf(text)
        .filter(
          ({ specifier }) =>
            !["risk", "stats", "text"].includes(targetPart(path, specifier) ?? specifier) &&
            !pureLibraries.includes(specifier),
        )
        .map(({ specifier }) => `${path} imports ${specifier}`),
    );
    expect(outside).toEqual([]);
  });

  test("risk, stats and text know no clock, no process and no other world", () => {
    const world =
      /\b(Date|performance|process|console|crypto|globalThis|setTimeout|setInterval|queueMicrotask)\b/;
    expect(naming(within("risk", "stats", "text"), world)).toEqual([]);
  });

  test("draws every random number of the controller from a named stream", () => {
    expect(naming(without("bootstrap"), /\bMath\.random\b/)).toEqual([]);
  });

  test("engine and analysis read no clock of its own", () => {
    expect(naming(within("engine", "analysis"), /\bDate\b|\bperformance\b|\bsetTimeout\b/)).toEqual(
      [],
    );
  });

  test("tells errors by their class, never by a name that any error may have", () => {
    expect(
      naming(sources, /\.(constructor\.)?name\s*[!=]==?\s*["']\w*(Error|Lost|Failure|Fault)\b/),
    ).toEqual([]);
  });

  test("reads argv and sets the exit code in main.ts alone", () => {
    const outer = without("bootstrap", "main.ts");
    expect(naming(outer, /\bprocess\s*\.\s*(argv|exit|exitCode)\b/)).toEqual([]);
    expect(
      outer.filter(({ text }) =>
        /\{[^}]*\b(argv|exit|exitCode)\b[^}]*\}\s*from\s*["'](node:)?process["']/.test(text),
      ),
    ).toEqual([]);
  });

  test("has no files that import each other, not even for types", () => {
    expect(importCircles(sources)).toEqual([]);
  });

  test("exports no name for two things", () => {
    expect(doubleNames(sources)).toEqual([]);
  });

  test("keeps folders that can be taken in at a glance: 25 files side by side at most", () => {
    const counts = new Map<string, number>();
    for (const { path } of [...sources, ...tests]) {
      counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    }
    expect([...counts].filter(([, count]) => count > 25)).toEqual([]);
  });

  test("is mirrored by its tests: a folder of tests is a folder here", () => {
    const folders = new Set(sources.map(({ path }) => dirname(path)));
    // What tests the program as a whole or its documents, or is no test.
    const apart =
      /^(\.|backends|bench|docs|faults|packaging|suites|terminal|python|worker\/simulated)(\/|$)/;
    const unknown = tests
      .map(({ path }) => dirname(path.slice("../test/".length)))
      .filter((folder) => !apart.test(folder))
      .filter((folder) => ![...folders].some((one) => `${one}/`.startsWith(`${folder}/`)));
    expect([...new Set(unknown)]).toEqual([]);
  });

  test("has no barrels and no drawers for odds and ends", () => {
    const names = sources.flatMap(({ path }) => [
      basename(path).replace(/\.\w+$/, ""),
      ...dirname(path).split("/"),
    ]);
    expect(names.filter((name) => bannedNames.test(name))).toEqual([]);
  });
});

describe("the rules themselves", () => {
  const file = (path: string, text: string): SourceFile => ({ path, text });

  test.each([
    ['import { a } from "./a.js";', "./a.js"],
    ['import type { A } from "./a.js";', "./a.js"],
    ['import {\n  a,\n  type B,\n} from "./a.js";', "./a.js"],
    ['import a, * as b from "a";', "a"],
    ['import "./a.js";', "./a.js"],
    ["import a from 'a';", "a"],
    ['export { a } from "./a.js";', "./a.js"],
    ['export type { A } from "./a.js";', "./a.js"],
    ['export * from "./a.js";', "./a.js"],
    ['const a = await import("./a.js");', "./a.js"],
    ['const a = require("a");', "a"],
  ])("see %j", (text, specifier) => {
    expect(importsOf(text).map((found) => found.specifier)).toEqual([specifier]);
  });

  test.each([
    'export const a = "./a.js";',
    'export const from = { from: "a" };',
    'throw new Error("cannot import it from here");',
    "const important = 'a';",
  ])("see no import in %j", (text) => {
    expect(importsOf(text)).toEqual([]);
  });

  test("catch a wrong edge, at any depth", () => {
    const wrong = 'import { x } from "../../store/paths.js";';
    expect(edgeFaults(file("engine/deep/state.ts", wrong))).toHaveLength(1);
    expect(edgeFaults(file("cli/deep/run.ts", wrong))).toEqual([]);
    expect(edgeFaults(file("config/load.ts", 'import "../worker/session.js";'))).toHaveLength(1);
    expect(edgeFaults(file("engine/load.ts", 'import "../worker/contract.js";'))).toEqual([]);
    expect(edgeFaults(file("engine/load.ts", 'import "../worker/session.js";'))).toHaveLength(1);
    expect(edgeFaults(file("worker/launch.ts", 'import "../risk/tail.js";'))).toHaveLength(1);
    expect(edgeFaults(file("main.ts", 'import "./risk/tail.js";'))).toHaveLength(1);
  });

  test("catch a circle of three, of types too, and none where a file is only loaded late", () => {
    const round = [
      file("a.ts", 'import { b } from "./b.js";'),
      file("b.ts", 'import type { C } from "./deep/c.js";'),
      file("deep/c.ts", 'export { a } from "../a.js";'),
      file("d.tsx", 'import "./a.js";'),
    ];
    expect(importCircles(round)).toEqual(["a.ts ↔ b.ts ↔ deep/c.ts"]);
    const late = file("b.ts", 'export const c = () => import("./deep/c.js");');
    expect(importCircles([round[0]!, late, ...round.slice(2)])).toEqual([]);
  });

  test("catch a name that two files export", () => {
    const twice = [
      file("a.ts", "export async function read() {}\nexport interface Row {}\n"),
      file("b.ts", "export const read = 1;\nconst Row = 2;\n"),
    ];
    expect(doubleNames(twice)).toEqual(["read: a.ts, b.ts"]);
  });

  test("catch a package that belongs to another folder", () => {
    for (const [path, specifier] of [
      ["engine/engine.ts", "zeromq"],
      ["engine/engine.ts", "node:fs/promises"],
      ["engine/engine.ts", "fs"],
      ["report/html.ts", "node:fs"],
      ["cli/doctor.ts", "execa"],
      ["cli/doctor-checks.ts", "zeromq"],
      ["cli/run.ts", "react/jsx-runtime"],
      ["cli/run.ts", "ink"],
    ] as const) {
      expect(ownerFaults(file(path, `import x from "${specifier}";`)), path).toHaveLength(1);
    }
    expect(ownerFaults(file("worker/session.ts", 'import { execa } from "execa";'))).toEqual([]);
  });

  test("catch a write among the reads", () => {
    const text = (clause: string): SourceFile =>
      file("config/load.ts", `import ${clause} from "node:fs";`);
    expect(writeFaults(text("{ readFileSync, existsSync }"))).toEqual([]);
    expect(writeFaults(text("type { Stats }"))).toEqual([]);
    expect(writeFaults(text("{ readFileSync, writeFileSync }"))).toHaveLength(1);
    expect(writeFaults(text("* as fs"))).toHaveLength(1);
    expect(writeFaults(text("fs"))).toHaveLength(1);
  });

  test("let comments name what code may not", () => {
    const text = "/** Math.random is not used. */\nconst url = 'https://x'; // nor Date\n";
    expect(withoutComments(text)).toContain("https://x");
    expect(withoutComments(text)).not.toMatch(/Math\.random|Date/);
  });
});
