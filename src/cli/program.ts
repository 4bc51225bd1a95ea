/**
 * The command line: every command with its options and help. Each command's code is
 * a module of its own, loaded on demand, so that help starts at once.
 */
import { Command, CommanderError } from "commander";
import { type ExitCode, exitCode, failureText } from "./failure-text.js";
import { packageVersion } from "./machine/package.js";
import { addKeepCommands } from "./program/keep-commands.js";
import { addMachineCommands } from "./program/machine-commands.js";
import type { CommandLine } from "./program/options.js";
import { addPrepareCommands } from "./program/prepare-commands.js";
import { addReadCommands } from "./program/read-commands.js";
import { addTrainCommands } from "./program/train-commands.js";
import type { Terminal } from "./terminal.js";

/** What `averse` alone says. */
const introduction = `averse: risk-averse fine-tuning for language models

  averse run quickstart           train SFT, RLHF and risk-averse RLHF, and compare their tails
  averse ls                       runs so far
  averse show latest              one run: settings, trials, results
  averse compare latest           its arms side by side
  averse doctor                   what is missing on this machine, and how to get it
  averse config explain risk      what the keys mean

\`averse --help\` lists every command, \`averse <command> --help\` its options.`;

/** Runs one command line to its exit code; nothing is thrown. */
export async function runCommandLine(
  argv: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  if (argv.length === 0 && !(terminal.hasScreen && process.stdin.isTTY)) {
    terminal.out(introduction);
    return exitCode.done;
  }
  let code: ExitCode = exitCode.done;
  const program = buildProgram(argv, terminal, (result) => {
    code = result;
  });
  try {
    if (argv[0] === completionQuestion) {
      const lines = await completionLines(program, argv.slice(1));
      if (lines !== "") terminal.out(lines);
      return exitCode.done;
    }
    if (argv.length === 0)
      return await (await import("./commands/launcher.js")).launcher({ runs: "runs" }, terminal);
    await program.parseAsync(refusable(program, argv), { from: "user" });
    return code;
  } catch (error) {
    // Help and version end by throwing too; commander has printed what there is to say.
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCode.done : exitCode.usage;
    const failure = failureText(error, argv.includes("--debug"));
    terminal.err(failure.text);
    return failure.exit;
  }
}

/** Asked by the shells' completion, with the words that are typed; no command of a user's. */
const completionQuestion = "__complete";

async function completionLines(program: Command, words: readonly string[]): Promise<string> {
  const { complete } = await import("./completion/complete.js");
  const { knownNames } = await import("./completion/known-names.js");
  const { candidates, paths } = await complete(program, words, knownNames);
  return [
    ...candidates.map(({ value, description }) => `${value}\t${description}`),
    ...(paths === "none" ? [] : [`:${paths}`]),
  ].join("\n");
}

/**
 * Help on an unknown command: commander would print the program's own help and succeed. Without
 * the help flag it refuses the command, and names the nearest one.
 */
function refusable(program: Command, argv: readonly string[]): string[] {
  const isHelp = (word: string) => word === "--help" || word === "-h" || word === "help";
  let command = program;
  for (const word of argv.filter((one) => !isHelp(one))) {
    if (word.startsWith("-") || command.commands.length === 0) break;
    const known = command.commands.find((one) => one.name() === word);
    if (known === undefined) return argv.filter((one) => !isHelp(one));
    command = known;
  }
  return [...argv];
}

export function buildProgram(
  argv: readonly string[],
  terminal: Terminal,
  end: (code: ExitCode) => void,
): Command {
  const program = new Command("averse")
    .description("Risk-averse fine-tuning for language models: CVaR on the reward tail.")
    .version(packageVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .showHelpAfterError(
      "(`averse --help` lists the commands, `averse <command> --help` the options)",
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 done · 2 usage or configuration · 3 environment or worker · " +
        "4 verification failed · 130 interrupted",
    );

  const line: CommandLine = { program, argv, terminal, end };
  addPrepareCommands(line);
  addTrainCommands(line);
  addReadCommands(line);
  addKeepCommands(line);
  addMachineCommands(line);
  return program;
}
