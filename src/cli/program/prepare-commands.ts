/** Commands before a run: an experiment, its data, its configuration, its cost. */
import { InvalidArgumentError, Option } from "commander";
import {
  backendOption,
  type CommandLine,
  debugOption,
  jsonOption,
  sampleCount,
  setOption,
  withBackend,
} from "./options.js";

export function addPrepareCommands(line: CommandLine): void {
  line.program.commandsGroup("Prepare:");
  addInit(line);
  addData(line);
  addConfig(line);
  addPlan(line);
}

function addInit({ program, terminal, end }: CommandLine): void {
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
      end(await (await import("../commands/init.js")).init(file, options, terminal)),
    );
}

function addData({ program, terminal, end }: CommandLine): void {
  const data = program
    .command("data")
    .summary("look into an experiment's data")
    .description("Looks into an experiment's data.");
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
      end(await (await import("../commands/data-check.js")).dataCheck(name, options, terminal)),
    );
}

function addConfig({ program, terminal, end }: CommandLine): void {
  const config = program
    .command("config")
    .summary("check and explain configuration")
    .description("Checks and explains configuration.");
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
      end(await (await import("../commands/config.js")).validate(name, options, terminal)),
    );
  config
    .command("schema")
    .description("Prints the JSON Schema of experiment files, for editors.")
    .addOption(debugOption())
    .action(async () => end((await import("../commands/config.js")).schema(terminal)));
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
      end((await import("../commands/config.js")).explain(what, only, options, terminal)),
    );
}

function addPlan({ program, terminal, end }: CommandLine): void {
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
      end(await (await import("../commands/plan.js")).plan(name, withBackend(options), terminal)),
    );
}
