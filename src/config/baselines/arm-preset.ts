/** An arm known by its name: what it changes of the experiment's own sections. */
import type { Tree } from "../key-path.js";
import type { ArmConfig } from "../schema/experiment.js";

export interface ArmPreset {
  readonly stage: ArmConfig["stage"];
  readonly changes: Tree;
  readonly description: string;
}
