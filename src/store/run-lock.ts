/**
 * One controller a run: whoever owns the highest generation in `lock/` holds the lock while it
 * lives and has not released it.
 *
 * - Nobody waits and nothing expires: an owner is dead as soon as its process is.
 * - Of two that take over a dead owner's lock, one alone adds the next generation.
 * - One that adds a number that others had passed and cleared away meanwhile sees the higher one
 *   when it looks again, and steps back.
 */
import { hostname } from "node:os";
import { join } from "node:path";
import { makeFolder } from "../system/durable-files.js";
import { identityOf, lifeOf } from "../system/processes.js";
import { RecordError, recordError } from "../system/record-error.js";
import {
  addGeneration,
  highestGeneration,
  highestNumber,
  type LockOwner,
  removeGeneration,
  removeGenerationsBelow,
  removeUnfinished,
  replaceGeneration,
} from "./lock-generations.js";
import { runFiles } from "./paths.js";

export interface RunLock {
  /** Lets the next one have it at once. @throws {RecordError} */
  release(): void;
  /** As `release`, for one who has an error to tell: a lock ends with its process at the latest. */
  abandon(): void;
}

/**
 * @param run the run folder
 * @param now the time of day
 * @throws {RecordError} `locked`: another controller holds it, or may hold it on another machine
 */
export function lockRun(run: string, now: () => Date): RunLock {
  return lockFolder(join(run, runFiles.lock), run, now);
}

/**
 * A lock of any kind.
 *
 * @param folder that the lock itself lies in
 * @param what is locked, for messages
 * @param now the time of day
 * @throws {RecordError} `locked`: another process holds it, or may hold it on another machine
 */
export function lockFolder(folder: string, what: string, now: () => Date): RunLock {
  const since = now().toISOString();
  const owner: LockOwner = { ...identityOf(process.pid), since, released: false };
  try {
    makeFolder(folder);
    const generation = take(what, folder, owner);
    removeGenerationsBelow(folder, generation);
    removeUnfinished(folder);
    const give = () => release(folder, generation, owner);
    return { release: give, abandon: () => attempt(give) };
  } catch (error) {
    throw recordError(`cannot lock ${what}`, error);
  }
}

/**
 * Who works on the run, as far as can be seen from here; null: nobody.
 *
 * @throws {RecordError} the lock cannot be read
 */
export function holderOf(run: string): LockOwner | null {
  return holderOfLock(join(run, runFiles.lock));
}

/** As `holderOf`, of the folder that a lock lies in. */
export function holderOfLock(folder: string): LockOwner | null {
  try {
    const highest = highestGeneration(folder);
    return highest !== null && holds(highest.owner) ? highest.owner : null;
  } catch (error) {
    throw recordError(`cannot read the lock ${folder}`, error);
  }
}

/** @returns the generation that is now the caller's */
function take(what: string, folder: string, owner: LockOwner): number {
  for (;;) {
    const highest = highestGeneration(folder);
    if (highest !== null && holds(highest.owner)) {
      throw new RecordError("locked", refusal(what, folder, highest.owner));
    }
    const generation = (highest?.generation ?? 0) + 1;
    if (addGeneration(folder, { generation, owner })) {
      if (highestNumber(folder) === generation) {
        return generation;
      }
      removeGeneration(folder, generation);
    }
  }
}

/** Only the owner writes: a lock that was removed by hand and taken by another is left alone. */
function release(folder: string, generation: number, owner: LockOwner): void {
  try {
    const highest = highestGeneration(folder);
    if (highest?.generation === generation && isSame(highest.owner, owner)) {
      replaceGeneration(folder, { generation, owner: { ...owner, released: true } });
    }
  } catch (error) {
    throw recordError(`cannot release the lock ${folder}`, error);
  }
}

function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // The error that the caller tells came first, and mostly is the same: a full disk, say.
  }
}

function isSame(a: LockOwner, b: LockOwner): boolean {
  return a.pid === b.pid && a.host === b.host && a.since === b.since && !a.released;
}

function holds(owner: LockOwner): boolean {
  return !owner.released && lifeOf(owner) !== "dead";
}

function refusal(what: string, folder: string, owner: LockOwner): string {
  const { pid, host, since } = owner;
  return lifeOf(owner) === "unknown"
    ? `${what} is in use by process ${pid} on ${host} since ${since}, and this machine (${hostname()}) ` +
        `cannot tell whether it still runs: once it has ended, remove ${folder} and try again`
    : `${what} is in use by process ${pid} on this machine (${host}) since ${since}: ` +
        `wait for it, or stop it with \`kill ${pid}\`, and try again`;
}
