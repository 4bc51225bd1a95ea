/** Which code this is: commit, and a digest of everything that differs from it. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import type { Provenance } from "../record/manifest.js";

/** A checkout with new data files can have a long list of them, or a long diff. */
const largestOutput = 1 << 30;

/**
 * Null outside a checkout whose top folder is `root`, without git, and where git cannot tell.
 * What git ignores (runs, packages) is no part of the code.
 */
export function gitState(root: string): Provenance["git"] {
  const git = (args: readonly string[], input?: Buffer): Buffer | null => {
    const { status, stdout } = spawnSync("git", ["-C", root, ...args], {
      timeout: 60_000,
      maxBuffer: largestOutput,
      stdio: ["pipe", "pipe", "ignore"],
      ...(input === undefined ? {} : { input }),
    });
    return status === 0 ? stdout : null;
  };
  const commit = git(["rev-parse", "--verify", "HEAD"]);
  const inside = git(["rev-parse", "--show-prefix"]);
  // Paths in `added` and `diff` count from here only at the top of a checkout.
  if (commit === null || inside === null || inside.toString().trim() !== "") return null;
  const diff = git(["diff", "HEAD", "--binary", "--no-color", "--no-ext-diff", "--no-textconv"]);
  const added = git(["ls-files", "--others", "--exclude-standard", "-z"]);
  if (diff === null || added === null) return null;
  const paths = added
    .toString()
    .split("\0")
    .filter((path) => path !== "" && !path.endsWith("/"));
  const contents = git(["hash-object", "--stdin-paths"], Buffer.from(paths.join("\n")));
  if (contents === null) return null;
  const clean = diff.length === 0 && added.length === 0;
  const hash = createHash("sha256").update(diff).update("\0").update(added).update(contents);
  return { commit: commit.toString().trim(), diff_sha256: clean ? null : hash.digest("hex") };
}
