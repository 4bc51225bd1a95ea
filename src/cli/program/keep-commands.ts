/** Commands on what runs leave behind. */
import { Option } from "commander";
import { trackerNames } from "../../config/tracker-names.js";
import {
  artifactsOption,
  type CommandLine,
  debugOption,
  jsonOption,
  positiveOf,
  repeated,
  runsOption,
  runWords,
} from "./options.js";

export function addKeepCommands(line: CommandLine): void {
  line.program.commandsGroup("Keep, pass on, remove:");
  addExport(line);
  addTrack(line);
  addVerify(line);
  addNote(line);
  addRm(line);
  addArtifacts(line);
}

function addExport({ program, terminal, end }: CommandLine): void {
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
      end(await (await import("../export/export-run.js")).exportRun(run, options, terminal)),
    );
}

function addTrack({ program, terminal, end }: CommandLine): void {
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
        .argParser(repeated),
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
      end(await (await import("../trackers/track.js")).track(run, options, terminal)),
    );
}

function addVerify({ program, terminal, end }: CommandLine): void {
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
      end(await (await import("../commands/verify.js")).verify(run, options, terminal)),
    );
}

function addNote({ program, terminal, end }: CommandLine): void {
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
      end((await import("../runs/note.js")).note(run, options, terminal)),
    );
}

function addRm({ program, terminal, end }: CommandLine): void {
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
      end(await (await import("../commands/rm.js")).rm(names, options, terminal)),
    );
}

function addArtifacts({ program, terminal, end }: CommandLine): void {
  const artifacts = program
    .command("artifacts")
    .summary("what SFT and stages made and is kept for later runs")
    .description("Lists and removes what SFT and stages made and is kept for later runs.");
  artifacts
    .command("ls")
    .description("Lists artifacts: kind, size, figures, and the runs that used them.")
    .addOption(artifactsOption())
    .addOption(runsOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (options) =>
      end((await import("../commands/artifacts.js")).listKept(options, terminal)),
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
      end(await (await import("../commands/artifacts.js")).removeKept(names, options, terminal)),
    );
}
