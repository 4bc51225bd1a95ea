/** What the controller knows of itself and its machine, for the manifest. */
import { spawnSync } from "node:child_process";
import { arch, cpus, hostname, platform, release, totalmem } from "node:os";
import type { LoadedExperiment } from "../config/load.js";
import type { Hardware } from "../experiment/placement.js";
import type { Provenance } from "../record/manifest.js";
import { packageRoot } from "./package-root.js";
import { packageVersion } from "./version.js";

export function provenance(origins: LoadedExperiment["origins"], hardware: Hardware): Provenance {
  return {
    origins,
    versions: { averse: packageVersion(), node: process.versions.node },
    git: gitState(),
    hardware: {
      platform: `${platform()} ${release()} ${arch()}`,
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      memory_bytes: totalmem(),
      ...hardware,
    },
    process: { pid: process.pid, host: hostname() },
  };
}

/** Null outside a checkout of the package, or without git. */
function gitState(): Provenance["git"] {
  const git = (...rest: string[]) =>
    spawnSync("git", ["-C", packageRoot, ...rest], { encoding: "utf8", timeout: 10_000 });
  const commit = git("rev-parse", "--verify", "HEAD");
  const top = git("rev-parse", "--show-prefix");
  if (commit.status !== 0 || top.stdout.trim() !== "") return null;
  const status = git("status", "--porcelain");
  return { commit: commit.stdout.trim(), dirty: status.status !== 0 || status.stdout !== "" };
}
