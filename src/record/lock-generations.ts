/**
 * The files of a run's lock: `lock/000001.json`, …, each with its owner. A generation appears whole
 * and only once; the highest is never removed, so that numbers only grow.
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
import { join } from "node:path";
import { syncFolder } from "./durable-files.js";
import { isProcessIdentity, type ProcessIdentity } from "./process-identity.js";
import { RecordError } from "./record-error.js";

export interface LockOwner extends ProcessIdentity {
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly released: boolean;
}

export interface Generation {
  readonly generation: number;
  readonly owner: LockOwner;
}

/** @returns null: there is none yet */
export function highestGeneration(folder: string): Generation | null {
  for (;;) {
    const generation = highestNumber(folder);
    if (generation === 0) {
      return null;
    }
    const path = fileOf(folder, generation);
    try {
      return { generation, owner: ownerOf(readFileSync(path, "utf8"), path) };
    } catch (error) {
      // Cleared away since it was listed, below a higher one.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        continue;
      }
      throw error;
    }
  }
}

function ownerOf(text: string, path: string): LockOwner {
  let owner: unknown = null;
  let cause: unknown;
  try {
    owner = JSON.parse(text);
  } catch (error) {
    cause = error;
  }
  if (isProcessIdentity(owner)) {
    const { since, released } = owner as Partial<LockOwner>;
    if (typeof since === "string" && typeof released === "boolean") {
      return owner as LockOwner;
    }
  }
  const remedy = "when no controller works on this run, remove it and try again";
  throw new RecordError("damaged", `${path} is no lock: ${remedy}`, { cause });
}

/** 0: there is none. */
export function highestNumber(folder: string): number {
  return Math.max(0, ...numbersIn(folder));
}

/** @returns false: there is one of this number already */
export function addGeneration(folder: string, { generation, owner }: Generation): boolean {
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

export function replaceGeneration(folder: string, { generation, owner }: Generation): void {
  renameSync(written(folder, owner), fileOf(folder, generation));
  syncFolder(folder);
}

/** For one that is not the highest. */
export function removeGeneration(folder: string, generation: number): void {
  rmSync(fileOf(folder, generation), { force: true });
}

export function removeGenerationsBelow(folder: string, generation: number): void {
  for (const lower of numbersIn(folder).filter((number) => number < generation)) {
    removeGeneration(folder, lower);
  }
}

/** A whole file on disk, under a name that nobody else has. */
function written(folder: string, owner: LockOwner): string {
  const path = join(folder, `${owner.pid}-${randomUUID()}.tmp`);
  try {
    writeFileSync(path, `${JSON.stringify(owner)}\n`, { flush: true });
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  return path;
}

function numbersIn(folder: string): number[] {
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^\d{6,}\.json$/.test(name))
        .map((name) => Number.parseInt(name, 10))
    : [];
}

function fileOf(folder: string, generation: number): string {
  return join(folder, `${String(generation).padStart(6, "0")}.json`);
}
