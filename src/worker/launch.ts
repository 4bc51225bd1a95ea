/** From a worker's spec to its process. */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import type { Redaction } from "../text/redaction.js";
import { EnvironmentError, WorkerLost } from "./contract.js";
import { AttachedWorker, attachPlan } from "./launchers/attach.js";
import { containerPlan } from "./launchers/container.js";
import {
  type LaunchPlace,
  type LaunchPlan,
  startsAtOnce,
  type WorkerCommand,
} from "./launchers/launch-plan.js";
import { rayPlan } from "./launchers/ray.js";
import { slurmPlan } from "./launchers/slurm.js";
import { sshPlan } from "./launchers/ssh.js";
import { MARK } from "./orphans.js";
import { type OutputLog, type WorkerHandle, WorkerProcess } from "./process.js";
import { pythonPath } from "./python-path.js";
import { filled, type WorkerSpec } from "./spec.js";

export interface LaunchOptions {
  /** Folder of the package, for `{root}` and `{python}`. */
  readonly root: string;
  /** Gets everything the worker prints, without secrets; stays open. */
  readonly log?: OutputLog;
  /** Folders that it shares with the controller, absolute; a launcher makes what is missing. */
  readonly shared?: readonly string[];
}

export interface Launched {
  readonly process: WorkerHandle;
  readonly plan: LaunchPlan;
}

/**
 * Starts the program that a spec names.
 *
 * @throws {WorkerLost} the program cannot be started.
 * @throws {EnvironmentError} the spec asks for `{python}` and there is none, or a shared folder cannot
 *   be written to.
 */
export async function launch(
  spec: WorkerSpec,
  where: Omit<LaunchPlace, "shared"> &
    LaunchOptions & {
      readonly redaction: Redaction;
      /** Gets whole lines of its stderr, without secrets. */
      readonly hear: (lines: string) => void;
      /** Settles when its connection has ended. */
      readonly disconnected: Promise<void>;
    },
): Promise<Launched> {
  const { session, redaction, log, hear } = where;
  const plan = planOf(spec, { ...where, shared: where.shared ?? [] });
  if (spec.launcher === "attach") {
    return { process: new AttachedWorker(where.disconnected), plan };
  }
  prepare(plan, where.shared ?? []);
  try {
    const started = await WorkerProcess.start({
      argv: plan.argv,
      environment: { ...plan.environment, [MARK]: session },
      log,
      hear,
      redaction,
    });
    void started.exited.then(() => removeProbes(plan));
    return { process: started, plan };
  } catch (error) {
    removeProbes(plan);
    const text = `the worker "${spec.name}" cannot be started: ${(error as Error).message}`;
    throw new WorkerLost(redaction.whole(text), "never-connected", [], { cause: error });
  }
}

/** What this machine starts. */
export function planOf(spec: WorkerSpec, place: LaunchPlace): LaunchPlan {
  const command: WorkerCommand = ({ python, root, endpoint, keys }) => {
    const all = {
      root,
      endpoint,
      session: place.session,
      // A spec that names it has been read as one with keys.
      keys: keys ?? place.keys ?? "",
      processes: String(spec.processes),
      // Looked for only where the spec asks for it.
      get python(): string {
        return python();
      },
    };
    return {
      argv: spec.argv.map((part) => filled(part, all)),
      environment: Object.fromEntries(
        Object.entries(spec.environment).map(([name, value]) => [name, filled(value, all)]),
      ),
    };
  };
  if (spec.launcher === "ssh") {
    return sshPlan(spec.ssh!, place, command);
  }
  if (spec.launcher === "container") {
    return containerPlan(spec.container!, place, command);
  }
  const { root, endpoint } = place;
  const python = () => pythonPath(root);
  if (spec.launcher === "attach") {
    return attachPlan(spec.attach!, place, command);
  }
  if (spec.launcher === "slurm") {
    return slurmPlan(spec.slurm!, place, command, python);
  }
  if (spec.launcher === "ray") {
    return rayPlan(spec.ray!, place, command, python);
  }
  const { argv, environment } = command({ root, endpoint, python });
  return {
    ...startsAtOnce,
    argv,
    environment: { ...ownEnvironment(place.temporary), ...environment },
    place: null,
  };
}

/** What has to be there when a launcher's program starts; a child of this process makes its own. */
function prepare({ place, probes }: LaunchPlan, shared: readonly string[]): void {
  if (place === null) {
    return;
  }
  try {
    for (const folder of shared) {
      mkdirSync(folder, { recursive: true });
    }
    for (const probe of probes) {
      writeFileSync(probe, "");
    }
  } catch (error) {
    throw new EnvironmentError(
      `a folder that the worker needs cannot be written to: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

function removeProbes({ probes }: LaunchPlan): void {
  for (const probe of probes) {
    rmSync(probe, { force: true });
  }
}

/**
 * Of a worker on this machine: it leaves when this process is gone, even while it is still
 * starting, and what it leaves in the folder for temporary files goes with the session.
 *
 * @param temporary null: the worker may be on another machine
 */
function ownEnvironment(temporary: string | null): Record<string, string> {
  return temporary === null
    ? {}
    : { AVERSE_CONTROLLER_PID: String(process.pid), TMPDIR: temporary };
}
