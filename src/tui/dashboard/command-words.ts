/** What a view says of a command that was carried out. */
import type { RunCommand } from "../../engine/commands.js";
import type { RunModel } from "../../run-model/run-model.js";

export const commandWords: Readonly<Record<RunCommand, string>> = {
  pause: "Pausing after the current iterations. p continues.",
  continue: "Continuing.",
  checkpoint: "A checkpoint is saved after the current iteration.",
  evaluate: "An evaluation follows the current iteration.",
  stop: "Stopping after the current iterations.",
  abort: "Aborting.",
};

/** Where these words are still true. */
export const commandStates: Readonly<Record<RunCommand, readonly RunModel["state"][]>> = {
  pause: ["paused"],
  continue: ["running"],
  checkpoint: ["running", "paused"],
  evaluate: ["running", "paused"],
  stop: ["stopping"],
  abort: ["stopping"],
};
