/**
 * The command line for the record. Secrets belong in the environment; one that was typed all the
 * same is not written down.
 */
const withheld = "[withheld]";

/** Names that tell of a secret: `--set x.api_key=…`, `HF_TOKEN`. */
const secretName =
  /token(?!s|izer)|secret|password|passwd|credential|api[_-]?key|access[_-]?key|private[_-]?key/i;

/** Values that look like one: prefixes of known services, keys of 32 characters and more. */
const secretValue =
  /\b(hf|sk|pk|ghp|gho|ghs|glpat|xox[abp])[_-][A-Za-z0-9_-]{12,}|\bgithub_pat_\w{12,}|\bAKIA[0-9A-Z]{12,}|\/\/[^/@\s]+:[^/@\s]+@|\beyJ[\w-]{10,}\.[\w-]{10,}/;
const longKey = /^(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_+=-]{32,}$/;

/** Shorter values of secret variables, "1" say, would be found everywhere. */
const shortest = 8;

/**
 * @param argv arguments after the program's name
 * @param environment its secret variables' values are withheld wherever they stand
 */
export function recordedCommand(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const known = Object.entries(environment).flatMap(([name, value]) =>
    value !== undefined && value.length >= shortest && secretName.test(name) ? [value] : [],
  );
  return argv.map((argument) => recordedArgument(argument, known));
}

function recordedArgument(argument: string, known: readonly string[]): string {
  const equals = argument.indexOf("=");
  const name = equals < 0 ? "" : argument.slice(0, equals + 1);
  const value = argument.slice(name.length);
  const secret =
    secretName.test(name) ||
    secretValue.test(value) ||
    longKey.test(value) ||
    known.some((one) => value.includes(one));
  return secret ? `${name}${withheld}` : argument;
}

/** One line for a POSIX shell. */
export function shellLine(command: readonly string[]): string {
  return ["averse", ...command].map(quoted).join(" ");
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
