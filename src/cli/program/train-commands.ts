/** Commands that start a run, and that act on one that trains. */
import { type Command, Option } from "commander";
import {
  artifactsOption,
  backendOption,
  type CommandLine,
  debugOption,
  detachOption,
  eventsOption,
  jsonOption,
  plainOption,
  repeated,
  runsOption,
  runWords,
  setOption,
  showTextOption,
  withBackend,
} from "./options.js";

export function addTrainCommands(line: CommandLine): void {
  line.program.commandsGroup("Train:");
  addRun(line);
  addSweep(line);
  addResume(line);
  addSteering(line);
  addReproduce(line);
}

function addRun({ program, argv, terminal, end }: CommandLine): void {
  const run = program
    .command("run")
    .summary("train and evaluate an experiment's arms")
    .description("Trains and evaluates every arm and seed of an experiment, and reports on them.")
    .argument("<experiment>", "YAML file, or a name in configs/experiments");
  addLaunchOptions(run).action(async (experiment: string, options) => {
    const { run: launch } = await import("../commands/run.js");
    end(await launch(experiment, { ...withBackend(options), argv }, terminal));
  });
}

function addSweep({ program, argv, terminal, end }: CommandLine): void {
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
        .argParser(repeated),
    )
    .option(
      "--seeds <seeds>",
      "how many, from 0 on, or which, as in 3, 0,1,2 or 7, (the seed 7 alone)",
    )
    .option("--arms <arms>", "arms that are swept (default: every RL arm that a key changes)")
    .option("--random <count>", "draw so many points instead of all combinations")
    .option(
      "--halving [figure]",
      "after each seed keep the best half of the points by this figure (default: tail_reward)",
    )
    .option("--plan-only", "print the plan and stop", false);
  addLaunchOptions(sweep).action(async (experiment: string, options) => {
    const { sweep: launch } = await import("../commands/sweep.js");
    end(await launch(experiment, { ...withBackend(options), argv }, terminal));
  });
}

function addResume({ program, argv, terminal, end }: CommandLine): void {
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
      const { resume } = await import("../commands/resume.js");
      end(await resume(run, { ...options, argv }, terminal));
    });
}

function addSteering({ program, terminal, end }: CommandLine): void {
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
      const { attachRemote, remoteRun } = await import("../runs/remote.js");
      const remote = remoteRun(run);
      if (remote === null) {
        end(await (await import("../commands/attach.js")).attach(run, options, terminal));
        return;
      }
      const runs = command.getOptionValueSource("runs") === "default" ? null : options.runs;
      end(await attachRemote(remote, { ...options, runs }, terminal.hasScreen));
    });
  for (const [name, summary, description] of [
    ["pause", "pause a run", "Pauses a run after the current iterations."],
    ["continue", "continue a paused run", "Continues a paused run."],
    [
      "checkpoint",
      "save a checkpoint of every running trial",
      "Saves a checkpoint of every running trial, after its current iteration.",
    ],
    [
      "stop",
      "stop a run, with a checkpoint",
      "Stops a run after the current iterations, with a checkpoint.",
    ],
  ] as const) {
    const command = program
      .command(name)
      .summary(summary)
      .description(description)
      .argument("<run>", runWords)
      .addOption(runsOption())
      .addOption(jsonOption())
      .addOption(debugOption())
      .action(async (run: string, options) => {
        const { steer } = await import("../commands/steer.js");
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

function addReproduce({ program, argv, terminal, end }: CommandLine): void {
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
      const { reproduce } = await import("../commands/reproduce.js");
      end(await reproduce(run, { ...options, argv }, terminal));
    });
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
