/**
 * `averse attach ssh://host/RUN`: the view of a run on another machine, by the averse that is installed
 * there, in this terminal. ssh carries keys, sizes and colours; nothing is copied, and no port is opened.
 */
import { shellQuoted } from "../../text/shell-quote.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { inForeground } from "../machine/foreground.js";

export interface RemoteRun {
  /** `[user@]host`. */
  readonly host: string;
  /** Null: as ssh's own configuration says. */
  readonly port: number | null;
  /** A path there, absolute or from the home folder; or a run's name. */
  readonly run: string;
}

/**
 * `ssh://[user@]host[:port]/RUN`, `ssh://host//absolute/path`.
 *
 * @returns null: it is no such address
 * @throws {UserError} it is one, with something missing
 */
export function remoteRun(address: string): RemoteRun | null {
  if (!address.startsWith("ssh://")) {
    return null;
  }
  const [, host = "", port, run = ""] =
    /^ssh:\/\/([^/:]*)(?::(\d+))?(?:\/(.*))?$/.exec(address) ?? [];
  // A host that begins with a dash would be an option of ssh.
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.@-]*$/.test(host) || run === "" || run.startsWith("-")) {
    throw new UserError(
      `${JSON.stringify(address)} names no run: found ${run === "" ? "no run" : `the host ${JSON.stringify(host)}`}, ` +
        "expected ssh://[user@]host[:port]/RUN, RUN a run's name or folder there",
    );
  }
  return { host, port: port === undefined ? null : Number(port), run };
}

export interface RemoteOptions {
  /** How averse is called there: words for its shell. */
  readonly remoteCommand: string;
  readonly json: boolean;
  readonly plain: boolean;
  /** Null: the other machine's default. */
  readonly runs: string | null;
}

/** Arguments of ssh. */
export function sshArguments(
  { host, port, run }: RemoteRun,
  { remoteCommand, json, plain, runs }: RemoteOptions,
  hasScreen: boolean,
): string[] {
  const words = [
    ...["attach", run],
    ...(json ? ["--json"] : []),
    ...(plain ? ["--plain"] : []),
    ...(runs === null ? [] : ["--runs", runs]),
  ];
  return [
    ...(hasScreen && !json && !plain ? ["-t"] : []),
    ...(port === null ? [] : ["-p", String(port)]),
    ...["--", host, `${remoteCommand} ${words.map(shellQuoted).join(" ")}`],
  ];
}

/** What ssh ends with where it could not connect, and a shell where it finds no such command. */
const unreachable = 255;
const notFound = 127;

/** @throws {UserError} ssh is not there, the host cannot be reached, or has no averse */
export async function attachRemote(
  remote: RemoteRun,
  options: RemoteOptions,
  hasScreen: boolean,
): Promise<ExitCode> {
  const end = await inForeground("ssh", sshArguments(remote, options, hasScreen)).catch(
    (error: Error) => {
      throw new UserError(`ssh cannot be started: ${error.message}`);
    },
  );
  const code = end.code ?? (end.signal === "SIGINT" ? exitCode.interrupted : unreachable);
  if (code === unreachable) {
    throw new UserError(
      `${remote.host} cannot be reached by ssh, or the connection was lost: try \`ssh ${remote.host}\` first`,
      exitCode.environment,
    );
  }
  if (code === notFound) {
    throw new UserError(
      `${remote.host} has no command ${JSON.stringify(options.remoteCommand)}: install averse there, or say how ` +
        "it is called with --remote-command",
      exitCode.environment,
    );
  }
  return code as ExitCode;
}
