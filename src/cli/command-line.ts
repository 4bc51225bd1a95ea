/** The command line for the record. One that holds a secret all the same is written without it. */
import { type Environment, isSecretName, withheld, withholding } from "../text/redaction.js";

/** Arguments alone: a worker's output is full of such strings, digests and names of snapshots. */
const longKey = /^(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_+=-]{32,}$/;

/**
 * @param argv arguments after the program's name
 * @param environment its secret variables' values are withheld wherever they stand
 */
export function recordedCommand(argv: readonly string[], environment: Environment): string[] {
  const secrets = withholding(environment);
  return argv.map((argument) => {
    const equals = argument.indexOf("=");
    const name = argument.slice(0, Math.max(equals, 0));
    const value = argument.slice(equals + 1);
    const secret =
      isSecretName(name) || longKey.test(value) || secrets.whole(argument) !== argument;
    return secret ? `${equals < 0 ? "" : `${name}=`}${withheld}` : argument;
  });
}

/** One line for a POSIX shell. */
export function shellLine(command: readonly string[]): string {
  return ["averse", ...command].map(quoted).join(" ");
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
