/** A YAML file as text, and as plain values with the line and column that every key came from. */

import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { TextDecoder } from "node:util";
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLParseError,
} from "yaml";
import { nearestName } from "../text/nearest-name.js";
import { isTree, type Tree } from "./key-path.js";
import { ConfigError, type ConfigProblem, type SourcePlace } from "./problems.js";

const reasons: Readonly<Record<string, readonly [found: string, remedy: string]>> = {
  ENOENT: [
    "no such file",
    "Check the path; `averse run` also takes the name of a file in configs/experiments.",
  ],
  ENOTDIR: ["no such file", "Check the path: a part of it is a file, not a folder."],
  EISDIR: ["a folder", "Name the YAML file itself."],
  EACCES: ["a file without read permission", "Give yourself read permission (chmod u+r)."],
  EPERM: ["a file without read permission", "Give yourself read permission (chmod u+r)."],
};

/**
 * A configuration file's bytes as text.
 *
 * @throws {ConfigError} missing, unreadable, or not UTF-8
 */
export function readConfigText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const [found, remedy] = reasons[code] ?? [
      `the error ${code || String(error)}`,
      "Check the file.",
    ];
    const near = code === "ENOENT" ? nearbyFile(file) : null;
    const next = near === null ? remedy : `Did you mean ${near}? ${remedy}`;
    throw failure(file, 1, found, "a readable YAML file", next, error);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    const line = firstBadLine(bytes);
    throw failure(
      file,
      line,
      "bytes that are not UTF-8",
      "UTF-8 text",
      "Save the file as UTF-8.",
      error,
    );
  }
}

/** A line feed is never part of a longer UTF-8 sequence, so lines can be decoded one by one. */
function firstBadLine(bytes: Buffer): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const feed = bytes.indexOf(10, start);
    const end = feed === -1 ? bytes.length : feed;
    try {
      decoder.decode(bytes.subarray(start, end));
    } catch {
      return line;
    }
    start = end + 1;
  }
  return line;
}

/** A YAML file of the same folder that a misspelt one most likely means. */
function nearbyFile(file: string): string | null {
  try {
    const names = readdirSync(dirname(file)).filter((name) => /\.ya?ml$/.test(name));
    const near = nearestName(basename(file), names);
    return near === null ? null : join(dirname(file), near);
  } catch {
    // Without the folder there is nothing to suggest; the missing file is told all the same.
    return null;
  }
}

function failure(
  file: string,
  line: number,
  found: string,
  expected: string,
  remedy: string,
  cause: unknown,
): ConfigError {
  const place = { file, line, column: 1 };
  return new ConfigError([{ place, key: "", found, expected, remedy }], { cause });
}

export interface YamlSource {
  readonly tree: Tree;
  /** Place of a value, of its nearest parent where the file does not have it. */
  placeOf(path: readonly PropertyKey[]): SourcePlace;
  /** Place of the key itself, for keys that should not be there. */
  placeOfKey(path: readonly PropertyKey[]): SourcePlace;
}

/** How every YAML text is read: 1 and "1" are one key to whoever reads the map. */
export const yamlReading = {
  logLevel: "error",
  uniqueKeys: (one: unknown, other: unknown): boolean =>
    isScalar(one) && isScalar(other) && String(one.value) === String(other.value),
} as const;

/** @throws {ConfigError} malformed YAML, several documents, or no map at the top. */
export function parseYaml(file: string, text: string): YamlSource {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { ...yamlReading, lineCounter, prettyErrors: false });
  const at = (offset: number): SourcePlace => {
    const { line, col } = lineCounter.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const malformed = document.errors.map((error) => ({
    place: at(error.pos[0]),
    key: "",
    ...faultOf(error, text),
  }));
  if (malformed.length > 0) throw new ConfigError(malformed);

  const tree = plainTree(() => document.toJS({ maxAliasCount: 1000 }), at);
  const walk = (path: readonly PropertyKey[]) => locate(document.contents, path);
  return {
    tree,
    placeOf: (path) => at(walk(path).value),
    placeOfKey: (path) => at(walk(path).key),
  };
}

function faultOf(
  { code, pos, message }: YAMLParseError,
  text: string,
): Omit<ConfigProblem, "place" | "key"> {
  if (code === "MULTIPLE_DOCS") {
    return {
      found: "a second document",
      expected: "one document",
      remedy: "Write one experiment per file, without `---` between its keys.",
    };
  }
  if (code === "DUPLICATE_KEY") {
    const [key] = /^(?:"[^"\n]*"|'[^'\n]*'|[^\s:,}]*)/.exec(text.slice(pos[0]))!;
    return {
      found: `the key ${key} a second time in one map`,
      expected: "each key once",
      remedy: "Remove one of the two.",
    };
  }
  return {
    found: `malformed YAML (${message.replaceAll(/\s+/g, " ")})`,
    expected: "valid YAML",
    remedy: "Check indentation, quotes and brackets on this line and the one before.",
  };
}

function plainTree(toPlain: () => unknown, at: (offset: number) => SourcePlace): Tree {
  const problem = (found: string): ConfigProblem => ({
    place: at(0),
    key: "",
    found,
    expected: "a map of configuration keys",
    remedy: "Begin with `name: my-experiment`; docs/configuration.md lists every key.",
  });
  let value: unknown;
  try {
    value = toPlain();
  } catch (error) {
    throw new ConfigError([problem(`YAML that cannot be read (${(error as Error).message})`)]);
  }
  if (isTree(value)) return value;
  const found =
    value === null || value === undefined
      ? "an empty file"
      : Array.isArray(value)
        ? "a list"
        : "a single value";
  throw new ConfigError([problem(found)]);
}

/** Offsets of the key and the value at a path, or of the last parts of it that exist. */
function locate(top: Node | null, path: readonly PropertyKey[]): { key: number; value: number } {
  let node: unknown = top;
  let found = { key: 0, value: startOf(top) ?? 0 };
  for (const part of path) {
    const step = child(node, part);
    if (step === null) break;
    const value = startOf(step.value) ?? found.value;
    found = {
      key: startOf(step.key) ?? value,
      value: step.empty ? (startOf(step.key) ?? value) : value,
    };
    node = step.value;
  }
  return found;
}

function child(
  node: unknown,
  part: PropertyKey,
): { key: unknown; value: unknown; empty: boolean } | null {
  if (isSeq(node)) {
    const value = node.items[Number(part)];
    return value === undefined ? null : { key: value, value, empty: false };
  }
  if (!isMap(node)) return null;
  for (const item of node.items) {
    if (isPair(item) && isScalar(item.key) && String(item.key.value) === String(part)) {
      return { key: item.key, value: item.value, empty: item.value === null };
    }
  }
  return null;
}

function startOf(node: unknown): number | null {
  if (isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)) return node.range?.[0] ?? null;
  return null;
}
