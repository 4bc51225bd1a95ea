/** What `averse audit` is told: files, arms and how their scores are read. */
import { existsSync, realpathSync } from "node:fs";
import type { TableFormat } from "../../tables/table.js";
import { UserError } from "../failure-text.js";

export interface AuditOptions {
  readonly score: readonly string[];
  readonly arm: readonly string[];
  readonly prompt?: string;
  readonly promptScore?: string;
  readonly harmThreshold?: number;
  readonly higherIsWorse: boolean;
  readonly lower?: number;
  readonly upper?: number;
  readonly level: number;
  readonly return: readonly string[];
  readonly beta?: number;
  readonly text?: string;
  readonly worst: number;
  readonly showText: boolean;
  readonly skipInvalid: boolean;
  readonly format?: TableFormat;
  readonly report?: string;
  readonly json: boolean;
  readonly argv: readonly string[];
}

/** An arm: a column of all files, or of a file of its own. */
export interface ArmSource {
  readonly name: string;
  readonly files: readonly string[];
  readonly score: string;
  /** Column of its KL-penalised returns. */
  readonly return: string | null;
}

/** @throws {UserError} options that do not go together */
export function armSources(given: readonly string[], options: AuditOptions): ArmSource[] {
  // Rows are paired by their file: it must be one file, however it is spelled.
  const spellings = new Map<string, string>();
  const once = (file: string): string => {
    const path = existsSync(file) ? realpathSync(file) : file;
    const first = spellings.get(path) ?? file;
    spellings.set(path, first);
    return first;
  };
  const files = given.map((file) => {
    const first = once(file);
    if (first !== file) {
      throw new UserError(`${file} is ${first} once more; its rows would count twice.`);
    }
    return file;
  });
  const again = files.find((file, at) => files.indexOf(file) < at);
  if (again !== undefined) {
    throw new UserError(`${again} is named twice; its rows would count twice.`);
  }
  const named = options.arm.map((text) => {
    const arm = namedArm(text, files);
    return { ...arm, file: arm.file === null ? null : once(arm.file) };
  });
  const scored = options.score.map((column) => ({ name: column, file: null, score: column }));
  const arms = [...scored, ...named];
  if (arms.length === 0) {
    throw new UserError(
      "which column holds the scores? --score COLUMN for one arm, --arm NAME=COLUMN for each of several.",
    );
  }
  const twice = arms.find(({ name }, at) => arms.findIndex((one) => one.name === name) < at);
  if (twice !== undefined) throw new UserError(`two arms are called "${twice.name}".`);
  const unread = files.filter(
    (file) => !arms.some((arm) => arm.file === null || arm.file === file),
  );
  if (unread.length > 0) {
    throw new UserError(
      `${unread.join(", ")}: no arm reads it; every --arm names another file. Leave the file out, or ` +
        "add --arm NAME=FILE:COLUMN.",
    );
  }
  if (files.length === 0 && arms.some(({ file }) => file === null)) {
    throw new UserError(
      "which files? averse audit FILE… --score COLUMN; in --arm NAME=FILE:COLUMN the file must exist.",
    );
  }
  const returns = returnColumns(
    options.return,
    arms.map(({ name }) => name),
  );
  return arms.map(({ name, file, score }) => ({
    name,
    files: file === null ? files : [file],
    score,
    return: returns.get(name) ?? null,
  }));
}

function namedArm(
  text: string,
  files: readonly string[],
): { readonly name: string; readonly file: string | null; readonly score: string } {
  const equals = text.indexOf("=");
  const name = text.slice(0, Math.max(0, equals)).trim();
  const source = text.slice(equals + 1);
  if (name === "" || source === "") {
    throw new UserError(`--arm ${text}: expected NAME=COLUMN or NAME=FILE:COLUMN.`);
  }
  for (let colon = source.indexOf(":"); colon > 0; colon = source.indexOf(":", colon + 1)) {
    const file = source.slice(0, colon);
    const score = source.slice(colon + 1);
    if (score !== "" && (files.includes(file) || existsSync(file))) return { name, file, score };
  }
  const missing = /^(.+\.(?:csv|tsv|jsonl?|ndjson|parquet|pq)(?:\.gz)?):/i.exec(source);
  if (missing !== null) throw new UserError(`--arm ${text}: there is no file ${missing[1]}.`);
  return { name, file: null, score: source };
}

function returnColumns(given: readonly string[], arms: readonly string[]): Map<string, string> {
  const columns = new Map<string, string>();
  for (const text of given) {
    const arm = arms.find((name) => text.startsWith(`${name}=`));
    if (arm !== undefined) columns.set(arm, text.slice(arm.length + 1));
    else if (arms.length === 1) columns.set(arms[0]!, text);
    else {
      throw new UserError(
        `--return ${text}: with several arms, expected ARM=COLUMN; the arms are ${arms.join(", ")}.`,
      );
    }
  }
  return columns;
}

/** @throws {UserError} options that contradict each other */
export function checkOptions(options: AuditOptions): void {
  const { higherIsWorse, lower, upper, beta } = options;
  if (higherIsWorse && lower !== undefined) {
    throw new UserError(
      "--lower is the lowest score that can be; with --higher-is-worse the tail is the upper one and " +
        "--upper, the highest that can be, bounds it.",
    );
  }
  if (!higherIsWorse && upper !== undefined) {
    throw new UserError(
      "--upper is the highest score that can be, for --higher-is-worse; here the tail is the lower one " +
        "and --lower, the lowest that can be, bounds it.",
    );
  }
  if (options.return.length > 0 !== (beta !== undefined)) {
    throw new UserError("KL needs both --return COLUMN and --beta β, as KL = (reward − return)/β.");
  }
  if (options.return.length > 0 && higherIsWorse) {
    throw new UserError(
      "--return is a reward less its KL penalty: it does not go with --higher-is-worse.",
    );
  }
}
