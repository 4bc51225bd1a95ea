/**
 * What may stand at the cursor of a command line, from the commands and options themselves. Which names
 * there are (runs, experiments) is the caller's to look up.
 */
import type { Command, Option } from "commander";

export interface Candidate {
  readonly value: string;
  /** Empty: the value says it. */
  readonly description: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** What the shell completes by itself beside them. */
  readonly paths: "none" | "files" | "folders";
}

/** Names that only the disk or the configuration knows. */
export interface KnownNames {
  experiments(): readonly string[];
  /** @param folder of the runs */
  runs(folder: string): readonly string[];
  /** @param run as it was written */
  trials(run: string, folder: string): readonly string[];
  backends(): readonly string[];
  environments(): readonly string[];
  /** Configuration keys. */
  keys(): Promise<readonly string[]>;
}

/** A command line up to the cursor, read as far as it is understood. */
interface Reading {
  readonly command: Command;
  readonly positional: readonly string[];
  /** Of options with a value, by long name. */
  readonly values: ReadonlyMap<string, string>;
  /** Whose value stands at the cursor; null: nobody's. */
  readonly asks: Option | null;
  readonly optionsEnded: boolean;
}

/** @param words after the program's name; the last is the one at the cursor, as far as it is typed */
export async function complete(
  program: Command,
  words: readonly string[],
  known: KnownNames,
): Promise<Completion> {
  const line = unsplit(words);
  const current = line.at(-1) ?? "";
  const reading = read(program, line.slice(0, -1));
  const [, name = "", typed = ""] = /^(--[^=]+)=(.*)$/s.exec(current) ?? [];
  const own = name === "" ? null : optionOf(reading.command, name);
  if (own !== null && !reading.optionsEnded)
    return starting(typed, await valuesOf(own, reading, known));
  if (reading.asks !== null) return starting(current, await valuesOf(reading.asks, reading, known));
  if (current.startsWith("-") && !reading.optionsEnded) {
    return starting(current, { candidates: optionNames(reading.command), paths: "none" });
  }
  return starting(current, await argumentsOf(reading, known));
}

/** bash takes `--runs=x` apart into three words: put together again. */
function unsplit(words: readonly string[]): string[] {
  const line: string[] = [];
  for (const word of words) {
    const before = line.at(-1);
    const belongs = word === "=" || (before?.endsWith("=") && before.startsWith("--"));
    if (belongs && before?.startsWith("--")) line[line.length - 1] = before + word;
    else line.push(word);
  }
  return line;
}

function read(program: Command, words: readonly string[]): Reading {
  let command = program;
  let asks: Option | null = null;
  let optionsEnded = false;
  const positional: string[] = [];
  const values = new Map<string, string>();
  for (const word of words) {
    if (asks !== null && (asks.required || !word.startsWith("-"))) {
      values.set(asks.long!, word);
      asks = null;
      continue;
    }
    asks = null;
    if (word === "--") optionsEnded = true;
    else if (!optionsEnded && word.startsWith("-")) {
      const [name = "", value] = word.split(/=(.*)/s);
      const option = optionOf(command, name);
      if (value !== undefined) values.set(name, value);
      else if (option !== null && (option.required || option.optional)) asks = option;
    } else {
      const next: Command | undefined =
        positional.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (next === undefined) positional.push(word);
      else command = next;
    }
  }
  return { command, positional, values, asks, optionsEnded };
}

function optionOf(command: Command, name: string): Option | null {
  return command.options.find(({ long, short }) => long === name || short === name) ?? null;
}

function optionNames(command: Command): Candidate[] {
  return [
    ...command.options
      .filter(({ hidden }) => !hidden)
      .map(({ long, description }) => ({ value: long!, description })),
    { value: "--help", description: "what the command does" },
  ];
}

async function valuesOf(option: Option, reading: Reading, known: KnownNames): Promise<Completion> {
  if (option.argChoices !== undefined) return names(option.argChoices);
  if (option.long === "--backend") return names(known.backends(), "files");
  if (option.long === "--remove") return names(known.environments());
  const [, what = ""] = /[<[]([^>\]]+)[>\]]/.exec(option.flags) ?? [];
  return named(what, reading, known);
}

async function argumentsOf(reading: Reading, known: KnownNames): Promise<Completion> {
  const { command, positional } = reading;
  if (command.commands.length > 0 && positional.length === 0) {
    return {
      candidates: command
        .createHelp()
        .visibleCommands(command)
        .map((one) => ({
          value: one.name(),
          description: one.summary() || one.description(),
        })),
      paths: "none",
    };
  }
  const given = command.registeredArguments;
  const last = given.at(-1);
  const argument = given[positional.length] ?? (last?.variadic ? last : undefined);
  if (argument === undefined) return names([]);
  if (argument.argChoices !== undefined) return names(argument.argChoices);
  return named(argument.name(), reading, known);
}

/** By the name of an argument, or of an option's value. */
async function named(what: string, reading: Reading, known: KnownNames): Promise<Completion> {
  const folder = reading.values.get("--runs") ?? "runs";
  switch (what) {
    case "experiment":
      return names(known.experiments(), "files");
    case "key-or-experiment":
      return names([...known.experiments(), ...(await known.keys())], "files");
    case "key":
      return names(await known.keys());
    case "key=value":
    case "key=values":
      return names((await known.keys()).map((key) => `${key}=`));
    case "run":
    case "runs":
      return names(known.runs(folder), "folders");
    case "runs-and-arms":
    case "runs-or-tables":
    case "models-or-run":
      return names(known.runs(folder), "files");
    case "trial":
      return names(known.trials(reading.positional[0] ?? "latest", folder));
    case "folder":
      return names([], "folders");
    case "file":
    case "files":
    case "path":
      return names([], "files");
    default:
      return names([]);
  }
}

function names(values: readonly string[], paths: Completion["paths"] = "none"): Completion {
  return { candidates: values.map((value) => ({ value, description: "" })), paths };
}

function starting(typed: string, { candidates, paths }: Completion): Completion {
  return { candidates: candidates.filter(({ value }) => value.startsWith(typed)), paths };
}
