/** A configuration file's bytes as text, or a ConfigError that says why there is none. */
import { readFileSync } from "node:fs";
import { TextDecoder } from "node:util";
import { ConfigError } from "./config-error.js";

const reasons: Readonly<Record<string, readonly [found: string, remedy: string]>> = {
  ENOENT: [
    "no such file",
    "Check the path; `averse run` also takes the name of a file in configs/experiments.",
  ],
  ENOTDIR: ["no such file", "Check the path: a part of it is a file, not a folder."],
  EISDIR: ["a folder", "Name the YAML file itself."],
  EACCES: ["a file that may not be read", "Give yourself read permission (chmod u+r)."],
  EPERM: ["a file that may not be read", "Give yourself read permission (chmod u+r)."],
};

/** @throws {ConfigError} missing, unreadable, or not UTF-8. */
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
    throw failure(file, 1, found, "a readable YAML file", remedy, error);
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
