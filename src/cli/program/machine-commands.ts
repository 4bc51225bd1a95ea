/** Commands about this machine and others that runs can use. */
import { Argument, Option } from "commander";
import { UserError } from "../failure-text.js";
import {
  artifactsOption,
  type CommandLine,
  debugOption,
  jsonOption,
  repeated,
  runsOption,
} from "./options.js";

export function addMachineCommands(line: CommandLine): void {
  line.program.commandsGroup("This machine:");
  addDoctor(line);
  addSetup(line);
  addBackends(line);
  addCompletion(line);
}

function addDoctor({ program, terminal, end }: CommandLine): void {
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
        const { doctorConformance } = await import("../doctor/conformance.js");
        return end(await doctorConformance(options.backend, options, terminal));
      }
      if (options.backend !== undefined) {
        const { doctorBackend } = await import("../doctor/backend.js");
        return end(await doctorBackend(options.backend, options, terminal));
      }
      end(await (await import("../commands/doctor.js")).doctor(options, terminal));
    });
}

function addSetup({ program, terminal, end }: CommandLine): void {
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
        .argParser(repeated),
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
      end(await (await import("../setup/setup.js")).setup(options, terminal)),
    );
}

function addBackends({ program, terminal, end }: CommandLine): void {
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
      end((await import("../commands/backends.js")).backends(options, terminal)),
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
      end((await import("../commands/backends.js")).backendKeys(file, options, terminal)),
    );
}

function addCompletion({ program, terminal }: CommandLine): void {
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
      terminal.out((await import("../completion/shells.js")).shellScripts[shell]),
    );
}
