/**
 * The files of a run's lock: `lock/000001.json`, …, each with its owner. A generation appears whole
 * and only once; the highest is never removed, so that numbers only grow. What a process was writing
 * when it died (`<pid>-….tmp`) goes with the next owner.
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
import { syncFolder } from "../system/durable-files.js";
import {
  identityOf,
  isProcessIdentity,
  lifeOf,
  type ProcessIdentity,
} from "../system/processes.js";
import { RecordError } from "../system/record-error.js";

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
  const owner = ownerIn(text);
  if (owner === null) {
    const remedy = "when no controller works on this run, remove it and try again";
    throw new RecordError("locked", `${path} is not a lock: ${remedy}`);
  }
  return owner;
}

/** Null: it is no lock's, or not all of it. */
function ownerIn(text: string): LockOwner | null {
  let owner: unknown;
  try {
    owner = JSON.parse(text);
  } catch {
    return null;
  }
  const { since, released } = (owner ?? {}) as Partial<LockOwner>;
  const whole =
    isProcessIdentity(owner) && typeof since === "string" && typeof released === "boolean";
  return whole ? (owner as unknown as LockOwner) : null;
}

/** 0: there is none. */
export function highestNumber(folder: string): number {
  return Math.max(0, ...numbersIn(folder));
}

/** @returns false: another took the lock meanwhile */
export function addGeneration(folder: string, { generation, owner }: Generation): boolean {
  const neighbour = written(folder, owner);
  try {
    linkSync(neighbour, fileOf(folder, generation));
    syncFolder(folder);
    return true;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    // ENOENT: not yet whole, it was cleared away by one that has the lock by now.
    if (code === "EEXIST" || code === "ENOENT") {
      return false;
    }
    if (["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code)) {
      const message = `${folder}: this file system has no hard links, which the lock of a run needs`;
      throw new RecordError("io", `${message}; choose a folder on another one`, { cause: error });
    }
    throw error;
  } finally {
    rmSync(neighbour, { force: true });
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

/**
 * Removes what processes that are no more had begun to write; what a living one writes is left.
 * For the lock's owner.
 */
export function removeUnfinished(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const [, pid] = unfinishedName.exec(name) ?? [];
    if (pid !== undefined && lifeOf(writerOf(path, Number(pid))) === "dead") {
      rmSync(path, { force: true });
    }
  }
}

/** One that was cut off does not tell its writer: then the number in its name is one of here. */
function writerOf(path: string, pid: number): ProcessIdentity {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    // Its writer has removed it since it was listed.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw error;
    }
  }
  return ownerIn(text) ?? { ...identityOf(process.pid), pid, process_start: null };
}

const unfinishedName = /^([1-9]\d{0,8})-[0-9a-f-]{36}\.tmp$/;

/** A whole file on disk, under a unique name. */
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
