/**
 * The command line: every command with its options and help. Each command's code is
 * a module of its own, loaded on demand, so that help starts at once.
 */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { trackerNames } from "../config/tracker-names.js";
import { type ExitCode, exitCode, failureText, UserError } from "./failure-text.js";
import { backendOverride } from "./lookup/backend-override.js";
import { packageVersion } from "./machine/package.js";
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

  const run = program
    .command("run")
    .summary("train and evaluate an experiment's arms")
    .description("Trains and evaluates every arm and seed of an experiment, and reports on them.")
    .argument("<experiment>", "YAML file, or a name in configs/experiments");
  addLaunchOptions(run).action(async (experiment: string, options) => {
    const { run: launch } = await import("./commands/run.js");
    end(await launch(experiment, { ...withBackend(options), argv }, terminal));
  });

  addSweepCommand(program, argv, terminal, end);

  program
    .command("resume")
    .summary("continue a run that was interrupted, failed or killed")
    .description("Continues a run from its last complete checkpoints, as if it had never stopped.")
    .argument("<run>", runWords)
    .addOption(runsOption())
    .addOption(artifactsOption())
    .addOption(detachOption())
    .addOption(eventsOption())
    .addOption(plainOption())
    .addOption(showTextOption())
    .addOption(debugOption())
    .action(async (run: string, options) => {
      const { resume } = await import("./commands/resume.js");
      end(await resume(run, { ...options, argv }, terminal));
    });

  addSteeringCommands(program, terminal, end);
  addEvaluateCommand(program, argv, terminal, end);

  program
    .command("ls")
    .description("Lists the runs: state, last iteration, time left, CVaR.")
    .addOption(runsOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (options) => end(await (await import("./commands/ls.js")).ls(options, terminal)));

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
      end(await (await import("./commands/show.js")).show(run, options, terminal)),
    );

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
      end(await (await import("./commands/compare.js")).compare(names, options, terminal)),
    );

  program
    .command("frontier")
    .summary("arms at equal KL, by their final policies over β")
    .description(
      "Compares arms by their final policies over several β, at equal KL and paired by seed: of one " +
        "sweep, or of several runs and tables taken together.",
    )
    .argument("<runs-or-tables...>", `runs (${runWords}), or files that --table has written`)
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
      const { frontier } = await import("./commands/frontier.js");
      end(await frontier(names, { ...options, argv }, terminal));
    });

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
      end(await (await import("./commands/report.js")).report(runs, options, terminal)),
    );

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
      end(await (await import("./commands/serve.js")).serve(options, terminal)),
    );

  program
    .command("verify")
    .summary("check a run's files against their digests")
    .description(
      "Checks journal, manifest, evaluation, checkpoints and models against their digests.",
    )
    .argument("<run>", runWords)
    .addOption(runsOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (run: string, options) =>
      end(await (await import("./commands/verify.js")).verify(run, options, terminal)),
    );

  program
    .command("reproduce")
    .summary("run a finished run again and compare the results")
    .description(
      "Runs a finished run's configuration again in a new folder and compares every figure.",
    )
    .argument("<run>", `${runWords}; or the path of a manifest.json`)
    .option("--run-dir <folder>", "run folder of the second run; must not exist yet")
    .addOption(runsOption())
    .addOption(artifactsOption())
    .option("--json", "one JSON object per line on stdout; the last is the verdict", false)
    .addOption(plainOption())
    .addOption(showTextOption())
    .addOption(debugOption())
    .action(async (run: string, options) => {
      const { reproduce } = await import("./commands/reproduce.js");
      end(await reproduce(run, { ...options, argv }, terminal));
    });

  addExportCommand(program, terminal, end);

  program
    .command("init")
    .summary("write an experiment for the files of this folder")
    .description(
      "Writes a commented experiment for the data and models that lie beside it: columns and the " +
        "good class are guessed and shown. It validates as it is; change what was guessed wrong.",
    )
    .argument("[file]", "YAML file to write", "experiment.yaml")
    .option("--from <template>", "sentiment, toxicity, preference or python (default: by the data)")
    .option("--force", "replace the file if it is there", false)
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (file: string, options) =>
      end(await (await import("./commands/init.js")).init(file, options, terminal)),
    );

  program
    .command("rm")
    .summary("remove runs")
    .description(
      "Removes runs for good: their folders with journal, checkpoints, models and reports.",
    )
    .argument("<runs...>", runWords)
    .option("--yes", "do not ask", false)
    .addOption(runsOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (names: string[], options) =>
      end(await (await import("./commands/rm.js")).rm(names, options, terminal)),
    );

  program
    .command("note")
    .summary("title, tags and note of a run")
    .description(
      "Shows or changes what is written about a run: it stands in lists, and is no part of the run's record.",
    )
    .argument("<run>", runWords)
    .option("--title <text>", "shown in lists beside the run's name; empty takes it away")
    .option("--tag <tag...>", "add tags", [])
    .option("--untag <tag...>", "take tags away", [])
    .option("--text <text>", "a note; empty takes it away")
    .addOption(runsOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (run: string, options) =>
      end((await import("./runs/note.js")).note(run, options, terminal)),
    );

  addTrackCommand(program, terminal, end);
  addArtifactCommands(program, terminal, end);

  const backends = program
    .command("backends")
    .summary("what a run can be started on, and whether this machine has it")
    .description(
      "Lists the files in configs/workers, of the package and of the working directory: what each " +
        "starts, what that needs, and whether it is here. Nothing is started: `averse doctor " +
        "--backend NAME` does that.",
    )
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (options) =>
      end((await import("./commands/backends.js")).backends(options, terminal)),
    );

  backends
    .command("keys <file>")
    .summary("makes the file that a worker started by hand and its controllers share")
    .description(
      "Writes where the controller listens and new keys of both sides into FILE, which nobody else may " +
        "read. A backend with `launcher: attach` names it; the worker is started with the same file.",
    )
    .option("--host <address>", "of this machine, as the worker reaches it", "127.0.0.1")
    .option("--port <number>", "of the first worker; each further one has the next", "4711")
    .option("--workers <number>", "that can serve at once", "1")
    .addOption(debugOption())
    .action(async (file: string, options) =>
      end((await import("./commands/backends.js")).backendKeys(file, options, terminal)),
    );

  addPlanCommand(program, terminal, end);

  program
    .command("doctor")
    .summary("what a run needs, and what is missing")
    .description(
      "Checks what a run needs: Node, Python, packages, devices, worker, models. With --backend: " +
        "starts that worker and measures a tiny rollout and update of the built-in model. With " +
        "--conformance as well: runs every clause of the contract of a worker on it, minutes, and " +
        "ends with 4 where one fails.",
    )
    .option("--backend <name>", "check this worker instead, by its name or the path of its file")
    .option("--conformance", "with --backend: check each clause of the contract of a worker", false)
    .addOption(runsOption())
    .addOption(artifactsOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (options) => {
      if (options.conformance) {
        if (options.backend === undefined) {
          throw new UserError("--conformance checks a backend: name it with --backend.");
        }
        const { doctorConformance } = await import("./doctor/conformance.js");
        return end(await doctorConformance(options.backend, options, terminal));
      }
      if (options.backend !== undefined) {
        const { doctorBackend } = await import("./doctor/backend.js");
        return end(await doctorBackend(options.backend, options, terminal));
      }
      end(await (await import("./commands/doctor.js")).doctor(options, terminal));
    });

  addSetupCommand(program, terminal, end);
  addCompletionCommand(program, terminal);
  addConfigCommands(program, terminal, end);
  addDataCommands(program, terminal, end);
  addAuditCommand(program, argv, terminal, end);
  return program;
}

/** Of the commands that start a run, in the order in which help lists them. */
function addLaunchOptions(command: Command): Command {
  return command
    .addOption(setOption())
    .addOption(backendOption())
    .option("--run-dir <folder>", "the run folder; must not exist yet")
    .addOption(runsOption())
    .addOption(artifactsOption())
    .option("--fresh", "train every stage and SFT anew, and score all prompts again", false)
    .addOption(detachOption())
    .addOption(eventsOption())
    .addOption(plainOption())
    .addOption(showTextOption())
    .addOption(debugOption());
}

function addSweepCommand(
  program: Command,
  argv: readonly string[],
  terminal: Terminal,
  end: (code: ExitCode) => void,
): void {
  const sweep = program
    .command("sweep")
    .summary("train an experiment at many settings, as one run")
    .description(
      "Trains an experiment's arms at every combination of some keys' values, as one run with an " +
        "arm per point: prints the plan and what it costs, then runs. SFT, stages and arms that no " +
        "key changes are trained once.",
    )
    .argument("<experiment>", "YAML file, or a name in configs/experiments")
    .addOption(
      new Option(
        "--grid <key=values>",
        "a key and its values, as in risk.alpha=0.2,0.4; with --random also lo..hi or log:lo..hi; may be repeated",
      )
        .default([], "the file's sweep.grid")
        .argParser((text: string, before: string[]) => [...before, text]),
    )
    .option("--seeds <seeds>", "how many, from 0 on, or which, as in 3 or 0,1,2")
    .option("--arms <arms>", "arms that are swept (default: every RL arm that a key changes)")
    .option("--random <count>", "draw so many points instead of all combinations")
    .option(
      "--halving [figure]",
      "after each seed keep the best half of the points by this figure (default: tail_reward)",
    )
    .option("--plan-only", "print the plan and stop", false);
  addLaunchOptions(sweep).action(async (experiment: string, options) => {
    const { sweep: launch } = await import("./commands/sweep.js");
    end(await launch(experiment, { ...withBackend(options), argv }, terminal));
  });
}

function addConfigCommands(
  program: Command,
  terminal: Terminal,
  end: (code: ExitCode) => void,
): void {
  const config = program.command("config").description("Checks and explains configuration.");
  config
    .command("validate")
    .summary("check an experiment without running it")
    .description(
      "Checks keys, paths, models, data, lengths, schedule, tails and disk room without running " +
        "anything, and lists every problem. `averse run` does the same first.",
    )
    .argument("<experiment>", "YAML file, or a name in configs/experiments")
    .addOption(setOption())
    .option("--offline", "do not look up models on the Hugging Face hub", false)
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (name: string, options) =>
      end(await (await import("./commands/config.js")).validate(name, options, terminal)),
    );
  config
    .command("schema")
    .description("Prints the JSON Schema of experiment files, for editors.")
    .addOption(debugOption())
    .action(async () => end((await import("./commands/config.js")).schema(terminal)));
  config
    .command("explain")
    .summary("what keys mean, or which values an experiment uses")
    .description("Explains keys; with an experiment, shows its values and where each was set.")
    .argument("[key-or-experiment]", "a key, a section or an experiment (default: every key)")
    .argument("[key]", "with an experiment: only this key or section")
    .addOption(setOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (what: string | undefined, only: string | undefined, options) =>
      end((await import("./commands/config.js")).explain(what, only, options, terminal)),
    );
}

function addSetupCommand(
  program: Command,
  terminal: Terminal,
  end: (code: ExitCode) => void,
): void {
  program
    .command("setup")
    .summary("make the Python environment that runs need")
    .description(
      "Makes or completes the Python environment of an installed Averse, in the user's data folder " +
        "($XDG_DATA_HOME/averse), in the versions that this release was tested with. Interrupted, it " +
        "goes on where it was. A checkout has its own: `npm start`.",
    )
    .addOption(
      new Option("--extra <name>", "cuda, vllm or another extra of the package; may be repeated")
        .default([], "none")
        .argParser((text: string, before: string[]) => [...before, text]),
    )
    .option("--python <path>", "make it with this Python, 3.11 or newer (default: one on PATH)")
    .option("--newest", "the newest versions that the package takes, tested or not", false)
    .addOption(
      new Option("--installer <name>", "what installs (default: uv where it is there)").choices([
        ...["uv", "pip"],
      ]),
    )
    .option("--remove [version]", "remove the environments, or that of one version of Averse")
    .option("--yes", "with --remove: do not ask", false)
    .addOption(debugOption())
    .action(async (options) =>
      end(await (await import("./setup/setup.js")).setup(options, terminal)),
    );
}

function addCompletionCommand(program: Command, terminal: Terminal): void {
  program
    .command("completion")
    .summary("completion of commands, options and names in bash, zsh or fish")
    .description(
      "Prints what a shell needs to complete commands, options, experiments and runs: " +
        "`source <(averse completion bash)` in ~/.bashrc, the same with zsh in ~/.zshrc after compinit, " +
        "`averse completion fish | source` in config.fish.",
    )
    .addArgument(new Argument("<shell>", "bash, zsh or fish").choices(["bash", "zsh", "fish"]))
    .addOption(debugOption())
    .action(async (shell: "bash" | "zsh" | "fish") =>
      terminal.out((await import("./completion/shells.js")).shellScripts[shell]),
    );
}

function addPlanCommand(program: Command, terminal: Terminal, end: (code: ExitCode) => void): void {
  const amount = (text: string) => {
    const value = Number(text);
    if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("a number above 0");
    return value;
  };
  const whole = (text: string) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError("a whole number");
    return value;
  };
  program
    .command("plan")
    .summary(
      "memory and time of an experiment before it runs, and what to change where it does not fit",
    )
    .description(
      "Reckons memory and time by phase from the models' config.json and the experiment's settings; " +
        "nothing is loaded. Times need the rates that `averse doctor --backend NAME` measured, or " +
        "--tflops and --bandwidth.",
    )
    .argument("<experiment>", "YAML file, or a name in configs/experiments")
    .addOption(setOption())
    .addOption(backendOption())
    .option("--gpus <n>", "GPUs, 0 for a CPU (default: as the backend was measured)", whole)
    .option(
      "--memory <gb>",
      "memory of one device (default: as measured, or this machine's)",
      amount,
    )
    .option("--tflops <n>", "10^12 operations per second that matrix products reach", amount)
    .option("--bandwidth <gb>", "GB per second of the device's memory", amount)
    .option("--interconnect <gb>", "GB per second between devices (default: not counted)", amount)
    .option("--offline", "do not look up models on the Hugging Face hub", false)
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (name: string, options) =>
      end(await (await import("./commands/plan.js")).plan(name, withBackend(options), terminal)),
    );
}

function addDataCommands(
  program: Command,
  terminal: Terminal,
  end: (code: ExitCode) => void,
): void {
  const data = program.command("data").description("Looks into an experiment's data.");
  data
    .command("check")
    .summary("rows, classes, lengths and overlaps of an experiment's data")
    .description(
      "Reads an experiment's data as a run would: rows, classes, lengths in tokens, truncations, " +
        "overlaps and samples, in seconds and without the policy's weights.",
    )
    .argument("<experiment>", "YAML file, or a name in configs/experiments")
    .addOption(setOption())
    .addOption(
      new Option("--samples <count>", "rows of each split that are shown")
        .default(2)
        .argParser(sampleCount),
    )
    .addOption(jsonOption())
    .option("--show-text", "print samples as they are; they may be offensive", false)
    .addOption(debugOption())
    .action(async (name: string, options) =>
      end(await (await import("./commands/data-check.js")).dataCheck(name, options, terminal)),
    );
}

function sampleCount(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number from 0 to 999.");
}

function addAuditCommand(
  program: Command,
  argv: readonly string[],
  terminal: Terminal,
  end: (code: ExitCode) => void,
): void {
  const repeated = (text: string, before: string[]): string[] => [...before, text];
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
      const { audit } = await import("./commands/audit.js");
      end(await audit(files, { ...options, argv }, terminal));
    });
}

function portNumber(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError("expected a whole number from 0 to 65535.");
}

function finiteOf(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("expected a number.");
}

function positiveOf(text: string): number {
  const value = finiteOf(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("expected a number above 0.");
}

function levelOf(text: string): number {
  const value = finiteOf(text);
  if (value >= 0.5 && value < 1) return value;
  throw new InvalidArgumentError("expected a probability from 0.5 to below 1.");
}

function addExportCommand(
  program: Command,
  terminal: Terminal,
  end: (code: ExitCode) => void,
): void {
  program
    .command("export")
    .summary("a run's model, curves, figures, table of results or completions, for elsewhere")
    .description(
      "Writes what a run came to for use elsewhere: a trial's model in transformers format with a model " +
        "card, to a folder or the Hugging Face hub; or curves, figures, the table of results and kept " +
        "completions, to a folder.",
    )
    .argument("<run>", runWords)
    .option("--to <folder>", "where to; of a model a new folder (default: RUN-export)")
    .option("--trial <trial>", "whose model, as in ra-rlhf-s0 (default: the only one)")
    .option("--push <org/name>", "push the model to the Hugging Face hub")
    .option("--private", "a repository that is made is private", false)
    .addOption(
      new Option("--curves <format>", "every figure of every iteration, one per row").choices([
        "csv",
        "parquet",
      ]),
    )
    .addOption(
      new Option("--figures <format>", "the report's figures").choices(["svg", "pdf", "png"]),
    )
    .addOption(
      new Option(
        "--table <format>",
        "final figures with intervals; without --to on the terminal",
      ).choices(["latex", "csv", "md"]),
    )
    .addOption(
      new Option("--completions <format>", "completions kept by record.completions").choices([
        "parquet",
      ]),
    )
    .addOption(runsOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (run: string, options) =>
      end(await (await import("./export/export-run.js")).exportRun(run, options, terminal)),
    );
}

function addTrackCommand(
  program: Command,
  terminal: Terminal,
  end: (code: ExitCode) => void,
): void {
  program
    .command("track")
    .summary("send a run to TensorBoard, W&B, MLflow or Trackio")
    .description(
      "Sends a run's journal to a tracker, from where the last time ended: scalars, histograms of " +
        "returns, tables of the tail and the configuration, one run of the tracker per trial. What is " +
        "not typed is as the experiment's `trackers` have it.",
    )
    .argument("<run>", runWords)
    .addOption(
      new Option("--to <tracker>", "where to").choices([...trackerNames]).makeOptionMandatory(),
    )
    .option("--project <name>", "project, or MLflow's experiment (default: the experiment's name)")
    .option("--run-name <name>", "before the trials' names (default: the run folder's name)")
    .addOption(
      new Option("--tag <tag>", "of each of its runs; may be repeated")
        .default([], "none")
        .argParser((text: string, before: string[]) => [...before, text]),
    )
    .option("--offline", "send nothing over the network", false)
    .option("--dir <folder>", "folder of its files (default: in the run folder)")
    .option("--uri <address>", "of an MLflow server or database")
    .option("--timeout <seconds>", "without an answer, until it is given up", positiveOf)
    .option("--again", "send everything anew, as further runs of the tracker", false)
    .option("--follow", "go on until the run ends", false)
    .addOption(runsOption())
    .addOption(jsonOption())
    .option("--show-text", "send prompts and completions too; they may be offensive", false)
    .addOption(debugOption())
    .action(async (run: string, options) =>
      end(await (await import("./trackers/track.js")).track(run, options, terminal)),
    );
}

function addArtifactCommands(
  program: Command,
  terminal: Terminal,
  end: (code: ExitCode) => void,
): void {
  const artifacts = program
    .command("artifacts")
    .description("Lists and removes what SFT and stages made and is kept for later runs.");
  artifacts
    .command("ls")
    .description("Lists artifacts: kind, size, figures, and the runs that used them.")
    .addOption(artifactsOption())
    .addOption(runsOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (options) =>
      end((await import("./commands/artifacts.js")).listKept(options, terminal)),
    );
  artifacts
    .command("rm")
    .summary("remove artifacts")
    .description("Removes artifacts for good; a run that needs one makes it again.")
    .argument("[artifacts...]", "beginnings of digests, or names")
    .option("--unused", "those that no run in the runs folder has used", false)
    .option("--all", "all of them", false)
    .option("--yes", "do not ask", false)
    .addOption(artifactsOption())
    .addOption(runsOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (names: string[], options) =>
      end(await (await import("./commands/artifacts.js")).removeKept(names, options, terminal)),
    );
}

function addSteeringCommands(
  program: Command,
  terminal: Terminal,
  end: (code: ExitCode) => void,
): void {
  program
    .command("attach")
    .summary("watch a running or finished run, and steer it")
    .description("Opens a run's dashboard. Closing it never stops the run.")
    .argument("<run>", `${runWords}, or ssh://[user@]host[:port]/RUN`)
    .addOption(runsOption())
    .option("--json", "the journal's events, one JSON object per line, until the run ends", false)
    .option("--plain", "lines instead of the dashboard, until the run ends", false)
    .option("--remote-command <command>", "how averse is called on the other machine", "averse")
    .addOption(debugOption())
    .action(async (run: string, options, command: Command) => {
      const { attachRemote, remoteRun } = await import("./runs/remote.js");
      const remote = remoteRun(run);
      if (remote === null) {
        end(await (await import("./commands/attach.js")).attach(run, options, terminal));
        return;
      }
      const runs = command.getOptionValueSource("runs") === "default" ? null : options.runs;
      end(await attachRemote(remote, { ...options, runs }, terminal.hasScreen));
    });
  for (const [name, description] of [
    ["pause", "Pauses a run after the current iterations."],
    ["continue", "Continues a paused run."],
    ["checkpoint", "Saves a checkpoint of every running trial, after its current iteration."],
    ["stop", "Stops a run after the current iterations, with a checkpoint."],
  ] as const) {
    const command = program
      .command(name)
      .description(description)
      .argument("<run>", runWords)
      .addOption(runsOption())
      .addOption(jsonOption())
      .addOption(debugOption())
      .action(async (run: string, options) => {
        const { steer } = await import("./commands/steer.js");
        end(await steer(run, options.now === true ? "abort" : name, options, terminal));
      });
    if (name === "stop") {
      command.option(
        "--now",
        "abort at once; `averse resume` continues from the last checkpoints",
        false,
      );
    }
  }
}

function addEvaluateCommand(
  program: Command,
  argv: readonly string[],
  terminal: Terminal,
  end: (code: ExitCode) => void,
): void {
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
        const { evaluateModels } = await import("./commands/evaluate.js");
        return end(await evaluateModels(names, { ...withBackend(options), argv }, terminal));
      }
      const { steer } = await import("./commands/steer.js");
      end(await steer(runToEvaluate(names, options), "evaluate", options, terminal));
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

const runWords =
  "run folder, name of a run in the runs folder (or the beginning of one), or latest";

function setOption(): Option {
  return new Option("--set <key=value>", "override a key, as in risk.alpha=0.2; may be repeated")
    .default([], "none")
    .argParser((text: string, before: string[]) => [...before, text]);
}

function backendOption(): Option {
  const words = "where and how the worker runs (default: the experiment's backend.worker)";
  return new Option("--backend <name>", `${words}; \`averse backends\` lists them`);
}

/** `--backend NAME` is the last word on `backend.worker`. */
function withBackend<Options extends { readonly set: readonly string[] }>(
  options: Options & { readonly backend?: string },
): Options {
  const { set, backend } = options;
  return backend === undefined ? options : { ...options, set: [...set, backendOverride(backend)] };
}

function detachOption(): Option {
  const words = "run in the background; returns once the run folder exists";
  return new Option("--detach", words).default(false, "off");
}

function runsOption(): Option {
  return new Option("--runs <folder>", "folder of the runs").default("runs");
}

function artifactsOption(): Option {
  const words = "folder of kept results (default: artifacts, beside the folder of the runs)";
  return new Option("--artifacts <folder>", words).env("AVERSE_ARTIFACTS");
}

/** `--json` of a command that runs an experiment. */
function eventsOption(): Option {
  const words = "one JSON object per line on stdout: the journal's events, then a result";
  return new Option("--json", words).default(false);
}

function plainOption(): Option {
  return new Option("--plain", "lines instead of the dashboard").default(false);
}

function showTextOption(): Option {
  const words = "print sampled texts, which may be offensive";
  return new Option("--show-text", words).default(false);
}

function jsonOption(): Option {
  return new Option("--json", "JSON output on stdout").default(false, "off");
}

function debugOption(): Option {
  return new Option("--debug", "show the stack traces of errors").default(false, "off");
}
