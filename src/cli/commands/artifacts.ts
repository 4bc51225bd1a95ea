/** `averse artifacts`: what stages made and is kept for later runs; listed, and removed for good. */
import { basename, join } from "node:path";
import { type ListedArtifact, listArtifacts } from "../../artifacts/artifact-list.js";
import { removeArtifact } from "../../artifacts/artifact-store.js";
import { readManifest } from "../../store/manifest/manifest.js";
import { runNames } from "../../store/run-list.js";
import { holderOf } from "../../store/run-lock.js";
import { RecordError } from "../../system/record-error.js";
import { gridLines, terminalStyle } from "../../text/grid.js";
import { formatBytes, formatNumber } from "../../text/numbers.js";
import { safeText } from "../../text/safe-text.js";
import { truncate } from "../../text/width.js";
import { askOnTerminal, type Question } from "../ask-on-terminal.js";
import { type ExitCode, exitCode, UserError } from "../failure-text.js";
import { artifactsFolder } from "../lookup/artifacts.js";
import { checkRunsFolder } from "../lookup/runs.js";
import type { Terminal } from "../terminal.js";

export interface ArtifactsOptions {
  /** Folder of artifacts; beside that of the runs. */
  readonly artifacts?: string;
  readonly runs: string;
  readonly json: boolean;
}

export interface RemoveArtifactsOptions extends ArtifactsOptions {
  /** Without asking. */
  readonly yes: boolean;
  /** Those that no run of the runs folder has used. */
  readonly unused: boolean;
  readonly all: boolean;
}

interface User {
  readonly run: string;
  /** A controller works on it. */
  readonly live: boolean;
}

export function listKept(options: ArtifactsOptions, terminal: Terminal): ExitCode {
  const folder = artifactsFolder(options.artifacts, options.runs);
  const kept = listArtifacts(folder);
  const users = usersOf(options.runs);
  if (options.json) {
    terminal.out(
      JSON.stringify(
        kept.map(({ digest, folder: path, bytes, facts, damaged }) => {
          const {
            kind = null,
            name = null,
            created = null,
            inputs = {},
            result = {},
          } = facts ?? {};
          const runs = (users.get(digest) ?? []).map(({ run }) => run);
          return { digest, path, kind, name, created, bytes, runs, damaged, inputs, result };
        }),
      ),
    );
    return exitCode.done;
  }
  if (kept.length === 0) {
    terminal.err(`No artifacts in ${folder}. Runs keep the results of SFT and stages there.`);
    return exitCode.done;
  }
  const title = ["artifact", "kind", "name", "created", "size", "runs", "figures"];
  const rows = kept.map((one) => cells(one, users.get(one.digest) ?? []));
  const [head = "", ...lines] = gridLines(
    [title, ...rows],
    ["left", "left", "left", "left", "right", "left", "left"],
  );
  const { isTty, columns, unicode } = terminal;
  const clipped = (line: string) => (isTty ? truncate(line, columns, unicode ? "…" : "~") : line);
  terminal.out(
    [terminalStyle(terminal.color).bold(clipped(head)), ...lines.map(clipped)].join("\n"),
  );
  const bytes = kept.reduce((sum, one) => sum + one.bytes, 0);
  terminal.out(`\n${kept.length} in ${folder}, ${formatBytes(bytes)}`);
  return exitCode.done;
}

/**
 * All names are looked up, and no live run may use one, before any artifact is removed.
 *
 * @throws {UserError} a name is no artifact; a live run uses one; nobody can be asked
 * @throws {RecordError} one is being made, or cannot be removed; those named before it are gone
 */
export async function removeKept(
  names: readonly string[],
  options: RemoveArtifactsOptions,
  terminal: Terminal,
  ask: Question = askOnTerminal,
): Promise<ExitCode> {
  const folder = artifactsFolder(options.artifacts, options.runs);
  const kept = listArtifacts(folder);
  const users = usersOf(options.runs);
  const chosen = chosenOf(names, options, kept, users, folder);
  for (const { digest } of chosen) {
    const live = users.get(digest)?.find((user) => user.live);
    if (live !== undefined) {
      throw new UserError(
        `nothing was removed: ${shortened(digest)} is used by ${live.run}, which is running. ` +
          `\`averse stop ${live.run}\` stops it.`,
      );
    }
  }
  const bytes = chosen.reduce((sum, one) => sum + one.bytes, 0);
  if (chosen.length > 0 && !options.yes) {
    const list = chosen.map(
      (one) => `  ${titleOf(one)} (${formatBytes(one.bytes)})${usedText(one, users)}`,
    );
    const what = chosen.length === 1 ? "this artifact" : `these ${chosen.length} artifacts`;
    const agreed = await ask(`${list.join("\n")}\nRemove ${what} for good? [y/N] `);
    if (agreed === null) {
      throw new UserError(
        "nothing was removed: there is no terminal to ask on. Add --yes to remove " +
          `${chosen.map(titleOf).join(", ")}.`,
      );
    }
    if (!agreed) {
      terminal.err("Nothing was removed.");
      return exitCode.done;
    }
  }
  for (const { digest } of chosen) removeArtifact(folder, digest, () => new Date());
  const removed = chosen.map(({ digest }) => digest);
  terminal.out(
    options.json
      ? JSON.stringify({ removed, bytes })
      : chosen.length === 0
        ? "There is nothing to remove."
        : `Removed ${chosen.map(titleOf).join(", ")} (${formatBytes(bytes)}).`,
  );
  return exitCode.done;
}

function chosenOf(
  names: readonly string[],
  { unused, all }: RemoveArtifactsOptions,
  kept: readonly ListedArtifact[],
  users: ReadonlyMap<string, readonly User[]>,
  folder: string,
): ListedArtifact[] {
  const ways = [names.length > 0, unused, all].filter(Boolean).length;
  if (ways !== 1) {
    throw new UserError(
      ways === 0
        ? "name the artifacts to remove, or add --unused or --all. `averse artifacts ls` lists them."
        : "names of artifacts, --unused and --all exclude each other.",
    );
  }
  if (all) return [...kept];
  if (unused) return kept.filter(({ digest }) => !users.has(digest));
  const found = names.map((name) => named(name, kept, folder));
  return found.filter((one, at) => found.indexOf(one) === at);
}

/** By the beginning of its digest, or by its name where that is one's alone. */
function named(name: string, kept: readonly ListedArtifact[], folder: string): ListedArtifact {
  const byDigest = name.length >= 4 ? kept.filter(({ digest }) => digest.startsWith(name)) : [];
  const matching =
    byDigest.length > 0 ? byDigest : kept.filter(({ facts }) => facts?.name === name);
  const [one, ...others] = matching;
  if (one === undefined) {
    throw new UserError(
      `there is no artifact ${name} in ${folder}: give its name, or at least 4 digits of its digest. ` +
        "`averse artifacts ls` lists them.",
    );
  }
  if (others.length > 0) {
    throw new UserError(
      `${name} can be ${matching.map(titleOf).join(", ")}: give more digits of the digest.`,
    );
  }
  return one;
}

/**
 * By the manifests of the runs folder; of a run whose record is damaged nothing is known.
 *
 * @throws {UserError} there is no such folder: its runs' artifacts would all pass for unused
 */
function usersOf(runsFolder: string): ReadonlyMap<string, readonly User[]> {
  checkRunsFolder(runsFolder);
  const users = new Map<string, User[]>();
  for (const name of runNames(runsFolder)) {
    const folder = join(runsFolder, name);
    try {
      const { used } = readManifest(folder).artifacts;
      const live = holderOf(folder) !== null;
      for (const digest of new Set(used.map((one) => one.digest))) {
        users.set(digest, [...(users.get(digest) ?? []), { run: basename(folder), live }]);
      }
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
    }
  }
  return users;
}

function cells(
  { digest, bytes, facts, damaged }: ListedArtifact,
  users: readonly User[],
): string[] {
  return [
    shortened(digest),
    facts === null ? "damaged" : facts.kind.replace("_", " "),
    safeText(facts?.name ?? ""),
    (facts?.created ?? "").slice(0, 16).replace("T", " "),
    formatBytes(bytes),
    users.map(({ run }) => run).join(", ") || "–",
    safeText(damaged ?? figuresText(facts?.result ?? {})),
  ];
}

/** Those of a stage, or the loss of fine-tuning. */
function figuresText(result: Readonly<Record<string, unknown>>): string {
  const { figures, loss_first, loss_last } = result;
  const told =
    typeof figures === "object" && figures !== null ? figures : { loss_first, loss_last };
  return Object.entries(told)
    .flatMap(([name, value]) =>
      typeof value === "number" ? [`${name} ${formatNumber(value, 3)}`] : [],
    )
    .join(", ");
}

function usedText({ digest }: ListedArtifact, users: ReadonlyMap<string, readonly User[]>): string {
  const runs = users.get(digest) ?? [];
  return runs.length === 0 ? "" : `, used by ${runs.map(({ run }) => run).join(", ")}`;
}

function titleOf({ digest, facts }: ListedArtifact): string {
  return facts === null
    ? shortened(digest)
    : `${shortened(digest)} ${facts.kind.replace("_", " ")} ${safeText(facts.name)}`;
}

/** Enough digits to tell artifacts apart. */
function shortened(digest: string): string {
  return digest.slice(0, 12);
}
