/** The command line for the record. One that holds a secret all the same is written without it. */
import { type Environment, isSecretName, redacted, redaction } from "../text/redaction.js";
import { shellQuoted } from "../text/shell-quote.js";

/**
 * What looks like a key of no service in particular: long, without a blank, slash or dot. Of
 * values alone: a worker's output is full of such strings, digests and names of snapshots.
 */
const longKey = /^[A-Za-z0-9_+=-]{32,}$/;

/** Of random characters, which names made of words, dates, numbers and short hashes have not. */
const randomPart = /^(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9]{16,}$/;

/** Keys that hold a commit, which is public and 40 digits long. */
const commitKey = /(?:^|\.)(?:revision|commit)$/;

function looksLikeKey(key: string, value: string): boolean {
  if (commitKey.test(key) && /^[0-9a-f]{40}$/.test(value)) return false;
  return longKey.test(value) && value.split(/[-_+=]/).some((part) => randomPart.test(part));
}

/** Options whose value is a folder, or a name in one. */
const placeOptions = ["--run-dir", "--runs"];

/**
 * @param argv arguments after the program's name
 * @param environment its secret variables' values are redacted wherever they stand
 */
export function recordedCommand(argv: readonly string[], environment: Environment): string[] {
  const secrets = redaction(environment);
  return argv.map((argument, at) => {
    const equals = argument.indexOf("=");
    const name = argument.slice(0, Math.max(equals, 0));
    const value = argument.slice(equals + 1);
    // The command's own argument was found as an experiment or a run: it is a name, however long.
    const isPlace = at <= 1 || placeOptions.includes(argv[at - 1]!) || placeOptions.includes(name);
    const secret =
      isSecretName(name.split(".").at(-1)!) ||
      (!isPlace && looksLikeKey(name, value)) ||
      secrets.whole(argument) !== argument;
    return secret ? `${equals < 0 ? "" : `${name}=`}${redacted}` : argument;
  });
}

/** One line for a POSIX shell. */
export function shellLine(command: readonly string[]): string {
  return ["averse", ...command].map(shellQuoted).join(" ");
}
