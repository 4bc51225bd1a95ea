/**
 * One controller a run. The lock is a folder of generations, `lock/000001.json`, …: whoever owns
 * the highest one holds the lock while it lives and has not released it.
 *
 * - A generation appears whole, by link(2), and only once: of two that take over a dead owner's
 *   lock one is told EEXIST.
 * - The highest is never removed, so generations only grow. One that links a number that was
 *   passed and cleared away meanwhile sees the higher one when it looks again, and steps back.
 * - Nobody waits and nothing expires: an owner is dead as soon as its process is.
 */
import { randomUUID } from "node:crypto";
import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { makeFolder, syncFolder } from "./durable-files.js";
import { identityOf, lifeOf, processIdentity } from "./process-identity.js";
import { RecordError, recordError } from "./record-error.js";
import { runFiles } from "./run-paths.js";

const lockOwner = processIdentity.extend({
  /** ISO 8601, UTC. */
  since: z.string(),
  released: z.boolean(),
});

export type LockOwner = z.infer<typeof lockOwner>;

export interface RunLock {
  /** Lets the next one have it at once. */
  release(): void;
}

/**
 * @param run the run folder
 * @param now the time of day
 * @throws {RecordError} `locked`: another controller holds it, or may hold it on another machine
 */
export function lockRun(run: string, now: () => Date): RunLock {
  const folder = join(run, runFiles.lock);
  const owner: LockOwner = {
    ...identityOf(process.pid),
    since: now().toISOString(),
    released: false,
  };
  try {
    makeFolder(folder);
    const generation = take(run, folder, owner);
    clearBelow(folder, generation);
    return { release: () => release(folder, generation, owner) };
  } catch (error) {
    throw recordError(`cannot lock the run ${run}`, error);
  }
}

/**
 * Who works on the run, as far as can be seen from here; null: nobody.
 *
 * @throws {RecordError} the lock cannot be read
 */
export function holderOf(run: string): LockOwner | null {
  try {
    const highest = highestOf(join(run, runFiles.lock));
    return highest !== null && holds(highest.owner) ? highest.owner : null;
  } catch (error) {
    throw recordError(`cannot read the lock of ${run}`, error);
  }
}

/** @returns the generation that is now the caller's */
function take(run: string, folder: string, owner: LockOwner): number {
  for (;;) {
    const highest = highestOf(folder);
    if (highest !== null && holds(highest.owner)) {
      throw new RecordError("locked", refusal(run, folder, highest.owner));
    }
    const generation = (highest?.generation ?? 0) + 1;
    if (link(folder, generation, owner)) {
      if (Math.max(...generationsIn(folder)) === generation) {
        return generation;
      }
      rmSync(fileOf(folder, generation), { force: true });
    }
  }
}

/** @returns false: another has this generation */
function link(folder: string, generation: number, owner: LockOwner): boolean {
  const neighbour = written(folder, owner);
  try {
    linkSync(neighbour, fileOf(folder, generation));
    syncFolder(folder);
    return true;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      return false;
    }
    if (["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code)) {
      const message = `${folder}: this file system has no hard links, which the lock of a run needs`;
      throw new RecordError("io", `${message}; choose a folder on another one`, { cause: error });
    }
    throw error;
  } finally {
    rmSync(neighbour);
  }
}

/** Only the owner writes: a lock that was removed by hand and taken by another is left alone. */
function release(folder: string, generation: number, owner: LockOwner): void {
  try {
    const highest = highestOf(folder);
    if (highest?.generation === generation && sameOwner(highest.owner, owner)) {
      renameSync(written(folder, { ...owner, released: true }), fileOf(folder, generation));
      syncFolder(folder);
    }
  } catch (error) {
    throw recordError(`cannot release the lock ${folder}`, error);
  }
}

function sameOwner(a: LockOwner, b: LockOwner): boolean {
  return a.pid === b.pid && a.host === b.host && a.since === b.since && !a.released;
}

/** A whole file on disk, under a name that nobody else has. */
function written(folder: string, owner: LockOwner): string {
  const path = join(folder, `${owner.pid}-${randomUUID()}.tmp`);
  writeFileSync(path, `${JSON.stringify(owner)}\n`, { flush: true });
  return path;
}

interface Generation {
  readonly generation: number;
  readonly owner: LockOwner;
}

function highestOf(folder: string): Generation | null {
  for (;;) {
    const generations = generationsIn(folder);
    if (generations.length === 0) {
      return null;
    }
    const generation = Math.max(...generations);
    const path = fileOf(folder, generation);
    try {
      return { generation, owner: lockOwner.parse(JSON.parse(readFileSync(path, "utf8"))) };
    } catch (error) {
      // Cleared away since it was listed, below a higher one.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        continue;
      }
      if (error instanceof SyntaxError || error instanceof z.ZodError) {
        const remedy = "when no controller works on this run, remove it and try again";
        throw new RecordError("damaged", `${path} is no lock: ${remedy}`, { cause: error });
      }
      throw error;
    }
  }
}

function generationsIn(folder: string): number[] {
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^\d{6,}\.json$/.test(name))
        .map((name) => Number.parseInt(name, 10))
    : [];
}

function clearBelow(folder: string, generation: number): void {
  for (const lower of generationsIn(folder).filter((number) => number < generation)) {
    rmSync(fileOf(folder, lower), { force: true });
  }
}

function fileOf(folder: string, generation: number): string {
  return join(folder, `${String(generation).padStart(6, "0")}.json`);
}

function holds(owner: LockOwner): boolean {
  return !owner.released && lifeOf(owner) !== "dead";
}

function refusal(run: string, folder: string, owner: LockOwner): string {
  const { pid, host, since } = owner;
  return lifeOf(owner) === "unknown"
    ? `${run} is in use by process ${pid} on ${host} since ${since}, and whether that still lives ` +
        `cannot be seen from here (${hostname()}): when it is gone, remove ${folder} and try again`
    : `${run} is in use by process ${pid} on this machine (${host}) since ${since}: ` +
        `wait for it, or stop it with \`kill ${pid}\`, and try again`;
}
