/** Commands and YAML in the documentation: commands are understood, and YAML is valid. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { buildProgram } from "../../src/cli/program.js";
import { processTerminal } from "../../src/cli/terminal.js";
import { loadExperiment } from "../../src/config/load.js";
import { ConfigError, problemLine } from "../../src/config/problems.js";
import { readWorkerSpec } from "../../src/worker/spec.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
// What was decided or changed at a time is not rewritten.
const history = ["CHANGELOG.md", "DECISIONS.md"];
const pages = [
  ...readdirSync(root),
  ...readdirSync(`${root}docs`).map((name) => join("docs", name)),
  ...readdirSync(`${root}src`, { recursive: true, encoding: "utf8" }).map((name) =>
    join("src", name),
  ),
].filter((page) => page.endsWith(".md") && !history.includes(page));

interface Block {
  readonly place: string;
  readonly language: string;
  readonly text: string;
}

const blocks = pages.flatMap((page): Block[] => {
  const text = readFileSync(root + page, "utf8");
  return [...text.matchAll(/^( *)```(\w+)\n(.*?)^\1```/gms)].map((found) => ({
    place: `${page}:${text.slice(0, found.index).split("\n").length}`,
    language: found[2]!,
    text: found[3]!.replaceAll(new RegExp(`^${found[1]}`, "gm"), ""),
  }));
});

// What the pages' examples are about.
const files = [
  ...["prompts.jsonl", "my_reward.py", "rows.csv", "comments.csv", "chats.jsonl", "texts.jsonl"],
  ...["tweets.tsv", "pairs.jsonl", "reviews.jsonl", "olid-train.tsv", "imdb.csv", "a.csv", "b.csv"],
  "calls.jsonl",
];
const folders = ["imdb", "gpt2", "distilbert-imdb"];

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "averse-docs-"));
  for (const name of files) writeFileSync(join(folder, name), "");
  for (const name of folders) mkdirSync(join(folder, name));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const examples = blocks
  .filter(({ language }) => language === "yaml")
  .flatMap(({ place, text }) => alternatives(text).map((one) => ({ place, text: one })));

test.each(examples)("$place: YAML", ({ text }) => {
  const tree = parse(text) as Record<string, unknown>;
  const file = join(folder, "example.yaml");
  if ("launcher" in tree || "argv" in tree) {
    writeFileSync(file, "name" in tree ? text : `name: example\npurpose: a part\n${text}`);
    expect(readWorkerSpec(file, root).argv.length).toBeGreaterThan(0);
    return;
  }
  writeFileSync(file, "name" in tree ? text : completed(text, tree));
  expect(problemsOf(file, [])).toEqual([]);
});

/** A block that has one section several times shows so many ways to write it. */
function alternatives(text: string): string[] {
  const parts = text.split(/^(?=\w+:)/m);
  const keys = parts.map((part) => part.split(":")[0]);
  return new Set(keys).size < keys.length ? parts.filter((part) => part.trim() !== "") : [text];
}

/** A part of an experiment, with what every reward of an unknown scale asks for. */
function completed(text: string, tree: Record<string, unknown>): string {
  const threshold = "reward" in tree && !("evaluation" in tree);
  return `name: example\n${threshold ? "evaluation: { harm_threshold: null }\n" : ""}${text}`;
}

const commands = blocks
  .filter(({ language }) => language === "sh")
  .flatMap(({ place, text }) =>
    text
      .replaceAll(/\\\n\s*/g, " ")
      .split("\n")
      .map((line) => ({ place, words: wordsOf(line) }))
      .filter(({ words }) => words[0] === "averse")
      .map((one) => ({ ...one, line: one.words.join(" ") })),
  );

test("the pages have commands and YAML", () => {
  expect(commands.length).toBeGreaterThan(20);
  expect(examples.length).toBeGreaterThan(30);
});

test.each(commands)("$place: $line", async ({ words }) => {
  const heard: { command: Command | null } = { command: null };
  const program = buildProgram([], processTerminal(), () => {});
  silence(program, (command) => {
    heard.command = command;
  });
  await program.parseAsync(words.slice(1), { from: "user" });
  const [name] = heard.command?.args ?? [];
  const file = `${root}configs/experiments/${name}.yaml`;
  const { set = [] } = heard.command?.opts<{ set?: string[] }>() ?? {};
  if (name !== undefined && existsSync(file)) expect(problemsOf(file, set)).toEqual([]);
});

/** Every command tells that it was called, and does nothing. */
function silence(command: Command, called: (command: Command) => void): void {
  if (command.commands.length === 0 || command.parent === null) {
    command.action(() => called(command));
  }
  command.exitOverride();
  for (const one of command.commands) silence(one, called);
}

/** As a shell splits them, without variables; a comment ends the line. */
function wordsOf(line: string): string[] {
  const words = line.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  const end = words.findIndex((word) => word.startsWith("#"));
  return words
    .slice(0, end < 0 ? undefined : end)
    .map((word) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}

function problemsOf(file: string, set: readonly string[]): string[] {
  try {
    loadExperiment(file, set, folder);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(problemLine);
  }
}

const withText = new Map(pages.map((page) => [page, readFileSync(root + page, "utf8")]));

test.each([...withText])("%s: every link leads to a file and to a heading of it", (page, text) => {
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  const local = targets.filter((target) => !/^[a-z]+:/.test(target));
  const broken = local.filter((target) => {
    const [path = "", anchor] = target.split("#");
    const file = join(path === "" ? page : join(dirname(page), path));
    if (!existsSync(root + file)) return true;
    return (
      anchor !== undefined &&
      file.endsWith(".md") &&
      !anchors(readFileSync(root + file, "utf8")).has(anchor)
    );
  });
  expect(broken).toEqual([]);
});

test("docs/index.md leads to every page", () => {
  const text = withText.get(join("docs", "index.md"))!;
  const names = readdirSync(`${root}docs`).filter((name) => name.endsWith(".md"));
  expect(names.filter((name) => name !== "index.md" && !text.includes(`](${name})`))).toEqual([]);
});

/** Of headings, as GitHub makes them. */
function anchors(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      heading!
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(/\s/g, "-"),
    ),
  );
}
