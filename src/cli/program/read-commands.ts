/** Commands that look at runs, models and scores, and change none. */
import { InvalidArgumentError, Option } from "commander";
import { UserError } from "../failure-text.js";
import {
  backendOption,
  type CommandLine,
  debugOption,
  finiteOf,
  jsonOption,
  plainOption,
  positiveOf,
  repeated,
  runsOption,
  runWords,
  sampleCount,
  setOption,
  showTextOption,
  withBackend,
} from "./options.js";

export function addReadCommands(line: CommandLine): void {
  line.program.commandsGroup("Read results:");
  addLs(line);
  addShow(line);
  addCompare(line);
  addFrontier(line);
  addReport(line);
  addServe(line);
  addEvaluate(line);
  addAudit(line);
}

function addLs({ program, terminal, end }: CommandLine): void {
  program
    .command("ls")
    .summary("runs so far: state, last iteration, time left, CVaR")
    .description("Lists the runs: state, last iteration, time left, CVaR.")
    .addOption(runsOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (options) =>
      end(await (await import("../commands/ls.js")).ls(options, terminal)),
    );
}

function addShow({ program, terminal, end }: CommandLine): void {
  program
    .command("show")
    .summary("one run: settings, trials, results")
    .description("Shows one run: its settings, the progress of its trials, and its results.")
    .argument("<run>", runWords)
    .addOption(runsOption())
    .addOption(jsonOption())
    .addOption(showTextOption())
    .addOption(debugOption())
    .action(async (run: string, options) =>
      end(await (await import("../commands/show.js")).show(run, options, terminal)),
    );
}

function addCompare({ program, terminal, end }: CommandLine): void {
  program
    .command("compare")
    .summary("arms of one or several runs, side by side")
    .description(
      "Compares arms of one or several runs: figures, and differences from the first arm.",
    )
    .argument("<runs-and-arms...>", `runs (${runWords}), then names of arms (default: all arms)`)
    .option("--force", "also compare arms on different scales: figures without differences", false)
    .addOption(runsOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (names: string[], options) =>
      end(await (await import("../commands/compare.js")).compare(names, options, terminal)),
    );
}

function addFrontier({ program, argv, terminal, end }: CommandLine): void {
  program
    .command("frontier")
    .summary("arms at equal KL, by their final policies over β")
    .description(
      "Compares arms by their final policies over several β, at equal KL and paired by seed: of one " +
        "sweep, or of several runs and tables taken together.",
    )
    .argument("<runs-or-tables...>", `runs (${runWords}), or files that --table has written`)
    .option("--arms <names>", "arms that are compared, commas between (default: all)")
    .option(
      "--against <arm>",
      "arm that the others are held against (default: the risk-neutral one)",
    )
    .option(
      "--table <file>",
      "keep the policies' figures in this file, to be read without the runs",
    )
    .option("--report <folder>", "write report.html, report.md and plots to this folder")
    .addOption(runsOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (names: string[], options) => {
      const { frontier } = await import("../commands/frontier.js");
      end(await frontier(names, { ...options, argv }, terminal));
    });
}

function addReport({ program, terminal, end }: CommandLine): void {
  program
    .command("report")
    .summary("a run's report again, or one over several runs")
    .description(
      "Writes a run's report.html and report.md again, from its journal; of several runs, one report that " +
        "has their arms side by side and says what differs, into the folder of --out.",
    )
    .argument("<runs...>", runWords)
    .option("--out <folder>", "folder of a report over several runs")
    .addOption(runsOption())
    .addOption(jsonOption())
    .option("--show-text", "print sampled texts unmasked; they may be offensive", false)
    .addOption(debugOption())
    .action(async (runs: string[], options) =>
      end(await (await import("../commands/report.js")).report(runs, options, terminal)),
    );
}

function addServe({ program, terminal, end }: CommandLine): void {
  program
    .command("serve")
    .summary("a web page over the runs, on this machine alone")
    .description(
      "Serves a web page over the runs of a folder: list, live curves and reports. It listens on " +
        "127.0.0.1 alone and prints a link with a token, which nobody can do without. Ctrl-C ends it.",
    )
    .addOption(
      new Option("--port <number>", "port (default: any that is free)")
        .default(0, "any that is free")
        .argParser(portNumber),
    )
    .addOption(runsOption())
    .option("--show-text", "show texts unmasked; they may be offensive", false)
    .option("--json", "print the address as JSON on stdout", false)
    .addOption(debugOption())
    .action(async (options) =>
      end(await (await import("../commands/serve.js")).serve(options, terminal)),
    );
}

function addEvaluate({ program, argv, terminal, end }: CommandLine): void {
  program
    .command("evaluate")
    .summary("score models without training, or a running run's policies")
    .description(
      "With --with: scores models with an experiment's rewards, judges, data and evaluation, " +
        "without training; the result is a run, and several models are its arms. Without: " +
        "evaluates every policy in training of a running run, after its current iteration.",
    )
    .argument(
      "<models-or-run...>",
      `models: folders, trial folders of a run, or hub ids; without --with a run (${runWords})`,
    )
    .option("--with <experiment>", "YAML file, or a name in configs/experiments")
    .addOption(setOption())
    .addOption(backendOption())
    .option("--seed <seed>", "seed of sampling (default: the experiment's first)", seedOf)
    .option("--run-dir <folder>", "the run folder; must not exist yet")
    .addOption(runsOption())
    .option("--json", "with --with: one JSON object per line, then a result; else one", false)
    .addOption(plainOption())
    .addOption(showTextOption())
    .addOption(debugOption())
    .action(async (names: string[], options) => {
      if (options.with !== undefined) {
        const { evaluateModels } = await import("../commands/evaluate.js");
        return end(await evaluateModels(names, { ...withBackend(options), argv }, terminal));
      }
      const { steer } = await import("../commands/steer.js");
      end(await steer(runToEvaluate(names, options), "evaluate", options, terminal));
    });
}

function addAudit({ program, argv, terminal, end }: CommandLine): void {
  program
    .command("audit")
    .summary("the tail of scored outputs from any framework")
    .description(
      "Reads scored outputs of any framework (CSV, TSV, JSON lines, JSON, Parquet) and tells of their " +
        "tail: mean, VaR, CVaR, harm rate, certified bounds, worst rows; several arms are compared, " +
        "paired by row or prompt. Rows of several files are taken together.",
    )
    .argument("[files...]", "files with one row per output")
    .addOption(
      new Option("--score <column>", "column of the scores; its name is the arm's; may be repeated")
        .default([], "none")
        .argParser(repeated),
    )
    .addOption(
      new Option(
        "--arm <name=column>",
        "an arm and its column, or NAME=FILE:COLUMN for a file of its own; may be repeated",
      )
        .default([], "none")
        .argParser(repeated),
    )
    .option("--prompt <column>", "rows of one prompt belong together, also across files")
    .option("--prompt-score <column>", "score of the prompt alone: score by how bad the prompt was")
    .option("--harm-threshold <x>", "a score strictly worse than it is harm", finiteOf)
    .option("--higher-is-worse", "scores such as toxicity: the tail is the upper one", false)
    .option("--lower <x>", "lowest score that can be, for certified bounds of CVaR", finiteOf)
    .option("--upper <x>", "highest score that can be, with --higher-is-worse", finiteOf)
    .addOption(
      new Option("--level <p>", "probability that each certified bound holds")
        .default(0.95)
        .argParser(levelOf),
    )
    .addOption(
      new Option("--return <column>", "KL-penalised return, or ARM=COLUMN; may be repeated")
        .default([], "none")
        .argParser(repeated),
    )
    .option("--beta <x>", "β of the KL penalty in it: KL = (score − return)/β", positiveOf)
    .option("--text <column>", "text shown with the worst rows, masked")
    .addOption(
      new Option("--worst <count>", "worst rows shown of each arm")
        .default(5)
        .argParser(sampleCount),
    )
    .option("--skip-invalid", "leave out rows without a valid value, counted", false)
    .addOption(
      new Option("--format <format>", "of the files, where their names do not say").choices([
        ...["csv", "tsv", "jsonl", "json", "parquet"],
      ]),
    )
    .option("--report <folder>", "also write report.html and report.md there (default: no report)")
    .addOption(jsonOption())
    .option("--show-text", "print texts of the files as they are; they may be offensive", false)
    .addOption(debugOption())
    .action(async (files: string[], options) => {
      const { audit } = await import("../commands/audit.js");
      end(await audit(files, { ...options, argv }, terminal));
    });
}

function seedOf(text: string): number {
  const seed = Number(text);
  if (!/^\d+$/.test(text) || seed > 0xffff_ffff) {
    throw new InvalidArgumentError("expected a whole number from 0 to 4294967295.");
  }
  return seed;
}

/** @throws {UserError} what was given belongs to the evaluation of models */
function runToEvaluate(
  [run, ...more]: readonly string[],
  {
    set,
    backend,
    seed,
    runDir,
  }: { set: readonly string[]; backend?: string; seed?: number; runDir?: string },
): string {
  const given = [backend, seed, runDir].some((option) => option !== undefined);
  if (more.length > 0 || set.length > 0 || given) {
    throw new UserError(
      "several models, --set, --backend, --seed and --run-dir are for the evaluation of models, which " +
        "needs --with EXPERIMENT; a running run alone is evaluated without.",
    );
  }
  return run!;
}

function levelOf(text: string): number {
  const value = finiteOf(text);
  if (value >= 0.5 && value < 1) return value;
  throw new InvalidArgumentError("expected a probability from 0.5 to below 1.");
}

function portNumber(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError("expected a whole number from 0 to 65535.");
}
