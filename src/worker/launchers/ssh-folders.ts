/**
 * Files of a worker that shares no folder with its controller: what a command reads is sent there
 * before it, what it writes is fetched behind it, through ssh. Both sides know a file by its sha256,
 * so nothing is sent twice (`python/averse_worker/platform/file_cache.py` is the other side).
 */
import { createReadStream, createWriteStream, type Stats } from "node:fs";
import { mkdir, readdir, stat, truncate } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { Transform, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import type { Command, Payload, Result } from "../../protocol/messages.js";
import { sha256Of, sha256OfFile } from "../../system/sha256.js";
import { type ProgressListener, WorkerFailure } from "../contract.js";
import { outputFolder, withInputs } from "../payload-paths.js";
import { exitText } from "../process.js";
import { NOT_STARTED, OWN } from "./launch-plan.js";
import { cacheCommand, type SshSettings, sshTarget } from "./ssh.js";

/** The connection that carried files is gone, in one sentence for the user. */
export class CopyBroken extends Error {
  override readonly name = "CopyBroken";
}

/** Of the local file system or the other one: no room, no permission. */
class CopyRefused extends Error {
  override readonly name = "CopyRefused";
}

/** As the cache takes it; names have `/`. */
interface SentFolder {
  readonly digest: string;
  readonly folders: readonly string[];
  readonly files: Readonly<Record<string, readonly [sha256: string, bytes: number]>>;
}

/** Between two reports of progress, in milliseconds. */
const REPORT_MS = 500;
const READY = "averse file cache 1";
const MB = 1e6;

/** sha256 of local files that have not changed since; trials side by side send the same models. */
const known = new Map<string, { readonly stamp: string; readonly sha256: string }>();

export class SshFolders {
  #made = 0;
  /** Kept from one copy to the next; null: none is open. */
  #talk: Talk | null = null;
  #isCopying = false;
  /** A command is in hand, copies included. */
  #isBusy = false;
  #isClosed = false;

  /** @param tell gets what happened to a copy that went on afterwards, in one sentence */
  constructor(
    private readonly settings: SshSettings,
    private readonly session: string,
    private readonly tell: (text: string) => void,
  ) {}

  /**
   * Asks a command with paths of the worker's machine in place of ours.
   *
   * @throws {CopyBroken} ssh ended, and a further try moved no byte
   * @throws {WorkerFailure} the worker's own, with our paths; or a file cannot be read or written
   */
  async around<C extends Command>(
    command: C,
    payload: Payload<C>,
    ask: (payload: Payload<C>) => Promise<Result<C>>,
    onProgress: ProgressListener = () => {},
  ): Promise<Result<C>> {
    // Of a second command at a time the worker says itself that there must be none.
    if (this.#isBusy) return ask(payload);
    this.#isBusy = true;
    try {
      return await this.#around(command, payload, ask, onProgress);
    } finally {
      this.#isBusy = false;
    }
  }

  /** Ends a copy in hand as a command that was interrupted. */
  interrupt(): void {
    if (this.#isCopying) this.#talk?.interrupt();
  }

  /** Ends all copies for good. */
  close(): void {
    this.#isClosed = true;
    this.#talk?.interrupt();
  }

  async #around<C extends Command>(
    command: C,
    payload: Payload<C>,
    ask: (payload: Payload<C>) => Promise<Result<C>>,
    onProgress: ProgressListener,
  ): Promise<Result<C>> {
    const output = outputFolder(command, payload);
    const paths = new Map<string, string>();
    try {
      await this.#copy(async () => {
        await this.#place(await localPaths(command, payload), paths, onProgress);
        if (output !== null) paths.set(output, await this.#make(output));
      });
    } catch (error) {
      throw asFailure(command, error);
    }
    const moved = withInputs(command, payload, (value) => paths.get(value) ?? value);
    const asked = output === null ? moved : { ...moved, path: paths.get(output)! };
    let result: Result<C>;
    try {
      result = await ask(asked);
    } catch (error) {
      throw withOurPaths(error, paths);
    }
    if (output !== null) {
      const { files } = result as Result<"save">;
      try {
        await this.#copy(() => this.#fetch(paths.get(output)!, output, files, onProgress));
      } catch (error) {
        throw asFailure(command, error);
      }
    }
    return result;
  }

  async #copy(action: () => Promise<void>): Promise<void> {
    this.#isCopying = true;
    try {
      await action();
    } finally {
      this.#isCopying = false;
    }
  }

  /** Sends what is not there yet; local path → the worker's. */
  async #place(
    local: readonly string[],
    paths: Map<string, string>,
    onProgress: ProgressListener,
  ): Promise<void> {
    if (local.length === 0) return;
    const folders = new Map<string, SentFolder>();
    for (const path of local) folders.set(path, await described(path));
    await this.#persist(async (talk, tried) => {
      const limit_bytes = this.settings.cache_gb * 1e9;
      const request = { action: "place", limit_bytes, folders: [...folders.values()] };
      talk.request(request);
      for (const [path, folder] of folders) {
        const { there } = (await talk.answer()) as { there: boolean };
        if (!there) await this.#send(talk, tried, path, folder, onProgress);
      }
      const { root } = (await talk.answer()) as { root: string };
      for (const [path, { digest }] of folders) {
        paths.set(path, `${root}/${digest}/${basename(path)}`);
      }
    });
  }

  async #send(
    talk: Talk,
    tried: Tried,
    path: string,
    { files }: SentFolder,
    onProgress: ProgressListener,
  ): Promise<void> {
    const total = Object.values(files).reduce((sum, [, bytes]) => sum + bytes, 0);
    const meter = new Meter("upload", total, onProgress);
    for (const [name, [, bytes]] of Object.entries(files)) {
      tried.what = `${path} to ${sshTarget(this.settings)}`;
      tried.meter = meter;
      const { offset } = (await talk.answer()) as { offset: number };
      meter.skip(offset);
      if (offset < bytes) {
        const file = join(dirname(path), name);
        const source = createReadStream(file, { start: offset, end: bytes - 1 });
        const counted = meter.stream(tried);
        await talk.during(pipeline(source, counted, talk.input, { end: false }));
        if (meter.lastBytes !== bytes - offset) {
          throw new CopyRefused(`${file} became shorter while it was copied; try again`);
        }
      }
    }
    meter.end();
  }

  /** A new empty folder there, with the name of ours. */
  async #make(local: string): Promise<string> {
    const entries = await readdir(local).catch(() => null);
    if (entries === null || entries.length > 0) {
      throw new WorkerFailure(
        "save",
        "input",
        `'${local}' is not an existing, empty folder; create an empty one`,
        null,
        null,
      );
    }
    this.#made += 1;
    const path = `${this.session}/${this.#made}/${basename(local)}`;
    let made = "";
    await this.#persist(async (talk) => {
      talk.request({ action: "make", path });
      made = ((await talk.answer()) as { path: string }).path;
    });
    return made;
  }

  async #fetch(
    remote: string,
    local: string,
    files: Readonly<Record<string, string>>,
    onProgress: ProgressListener,
  ): Promise<void> {
    const names = Object.keys(files);
    const odd = names.find((name) => isAbsolute(name) || name.split("/").includes(".."));
    if (odd !== undefined) throw new CopyRefused(`the worker names a file '${odd}' of its result`);
    const path = `${this.session}/${this.#made}/${basename(local)}`;
    await this.#persist(async (talk, tried) => {
      tried.what = `${local} from ${sshTarget(this.settings)}`;
      const offsets: Record<string, number> = {};
      for (const name of names) offsets[name] = (await entryAt(join(local, name)))?.size ?? 0;
      talk.request({ action: "fetch", path, files: offsets });
      const { bytes } = (await talk.answer()) as { bytes: Record<string, number> };
      const total = Object.values(bytes).reduce((sum, one) => sum + one, 0);
      const meter = new Meter("download", total, onProgress);
      tried.meter = meter;
      for (const name of names) {
        const file = join(local, name);
        await mkdir(dirname(file), { recursive: true });
        const offset = offsets[name]!;
        meter.skip(offset);
        const source = talk.bytes(bytes[name]! - offset);
        const target = createWriteStream(file, { flags: "a" });
        await talk.during(pipeline(source, meter.stream(tried), target));
        if ((await sha256OfFile(file)) !== files[name]) {
          // Nothing of it can be trusted: the next try begins anew.
          await truncate(file);
          throw new CopyRefused(
            `${file} came from ${remote} with another sha256 than the worker told; try again`,
          );
        }
      }
      meter.end();
      talk.request({ received: names.length });
    });
  }

  /** Tries again as long as the try before moved something: what came is not sent again. */
  async #persist(attempt: (talk: Talk, tried: Tried) => Promise<void>): Promise<void> {
    for (;;) {
      const tried: Tried = { what: `files to ${sshTarget(this.settings)}`, moved: 0, meter: null };
      // One that has been idle may have gone unnoticed.
      const isNew = this.#talk === null;
      if (this.#isClosed) throw new CopyInterrupted();
      this.#talk ??= new Talk(this.settings);
      try {
        await attempt(this.#talk, tried);
        return;
      } catch (error) {
        this.#talk.end();
        this.#talk = null;
        if (!(error instanceof CopyBroken)) throw error;
        const at = tried.meter === null ? "" : ` at ${tried.meter.text()}`;
        const text = `copying ${tried.what} broke off${at}: ${error.message}`;
        if (isNew && tried.moved === 0) {
          throw new CopyBroken(`${text}; the next try goes on from there`);
        }
        if (tried.moved > 0) this.tell(`${text}; it goes on from there`);
      }
    }
  }
}

/** One attempt to copy. */
interface Tried {
  /** As in `copying …`. */
  what: string;
  /** Bytes of files, in either direction. */
  moved: number;
  meter: Meter | null;
}

/** How far a copy is, in megabytes, told now and then. */
class Meter {
  #done = 0;
  #told = Number.NEGATIVE_INFINITY;
  lastBytes = 0;

  constructor(
    private readonly phase: "upload" | "download",
    private readonly total: number,
    private readonly onProgress: ProgressListener,
  ) {}

  /** What is there already. */
  skip(bytes: number): void {
    this.#done += bytes;
  }

  stream(tried: Tried): Transform {
    this.lastBytes = 0;
    return new Transform({
      transform: (piece: Buffer, _, pass) => {
        this.lastBytes += piece.length;
        this.#done += piece.length;
        tried.moved += piece.length;
        if (performance.now() - this.#told > REPORT_MS) this.#report();
        pass(null, piece);
      },
    });
  }

  end(): void {
    this.#report();
  }

  text(): string {
    return `${(this.#done / MB).toFixed(1)} of ${(this.total / MB).toFixed(1)} MB`;
  }

  #report(): void {
    this.#told = performance.now();
    const total = Math.max(1, Math.ceil(this.total / MB));
    const done = Math.min(total, Math.round((this.#done / Math.max(1, this.total)) * total));
    this.onProgress({ phase: this.phase, done, total, unit: "MB", loss: null });
  }
}

/** ssh to the cache over there: requests, and what is said and sent after each. */
class Talk {
  readonly #child;
  readonly #pieces: AsyncIterator<Buffer>;
  readonly #end: Promise<never>;
  #rest: Buffer = Buffer.alloc(0);
  #ready = false;
  #isInterrupted = false;

  constructor(settings: SshSettings) {
    const [program, ...args] = cacheCommand(settings);
    this.#child = execa(program!, args, {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      buffer: { stdout: false, stderr: true },
      maxBuffer: 2 ** 16,
      reject: false,
      // The terminal's Ctrl-C is the controller's to act on; its end closes the pipes, and so ends ssh.
      detached: true,
      cleanup: false,
    });
    // Its end tells what went wrong with the pipe.
    this.#child.stdin.on("error", () => {});
    this.#pieces = this.#child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#end = this.#child.then(({ exitCode, signal, stderr }) => {
      if (this.#isInterrupted) throw new CopyInterrupted();
      const exit = { code: exitCode ?? null, signal: (signal as NodeJS.Signals) ?? null };
      const words = stderr.trim().split("\n").at(-1)?.trim() || `ssh ${exitText(exit)}`;
      if (exitCode === NOT_STARTED) {
        throw new CopyRefused(`${sshTarget(settings)}: ${words.replace(OWN, "")}`);
      }
      throw new CopyBroken(words);
    });
    this.#end.catch(() => {});
  }

  get input(): Writable {
    return this.#child.stdin;
  }

  request(request: unknown): void {
    this.input.write(`${JSON.stringify(request)}\n`);
  }

  /** The next line of the other side. */
  async answer(): Promise<unknown> {
    // A login shell may print lines before it.
    while (!this.#ready) this.#ready = (await this.#line()) === READY;
    return JSON.parse(await this.#line());
  }

  /** So many bytes that follow. */
  async *bytes(count: number): AsyncGenerator<Buffer> {
    let left = count;
    while (left > 0) {
      if (this.#rest.length === 0) this.#rest = await this.#more();
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** The work's outcome; where ssh ends before, its words. */
  async during<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (isLocal(error)) throw new CopyRefused((error as Error).message);
      throw await this.#end.catch((reason: unknown) => reason);
    }
  }

  interrupt(): void {
    this.#isInterrupted = true;
    this.end();
  }

  end(): void {
    this.#child.kill();
  }

  async #line(): Promise<string> {
    let end = this.#rest.indexOf("\n");
    while (end < 0) {
      this.#rest = Buffer.concat([this.#rest, await this.#more()]);
      end = this.#rest.indexOf("\n");
    }
    const line = this.#rest.subarray(0, end).toString();
    this.#rest = this.#rest.subarray(end + 1);
    return line;
  }

  async #more(): Promise<Buffer> {
    const { value, done } = await this.#pieces.next();
    return done ? await this.#end : value;
  }
}

class CopyInterrupted extends Error {
  override readonly name = "CopyInterrupted";
}

/** Of a file here: no room, no permission. A pipe's own errors are told by ssh's end. */
function isLocal(error: unknown): boolean {
  const { code, path } = error as NodeJS.ErrnoException;
  return (path !== undefined || code === "ENOSPC" || code === "EDQUOT") && code !== "EPIPE";
}

function asFailure(command: Command, error: unknown): unknown {
  if (error instanceof CopyInterrupted) {
    return new WorkerFailure(command, "interrupted", "interrupted while copying", null, null);
  }
  if (error instanceof WorkerFailure) {
    return new WorkerFailure(command, error.kind, error.message, null, null);
  }
  if (error instanceof CopyRefused || isLocal(error)) {
    const text = `files cannot be copied: ${(error as Error).message}`;
    return new WorkerFailure(command, "environment", text, null, null);
  }
  return error;
}

/** Users know their own paths, not those of the cache. */
function withOurPaths(error: unknown, paths: ReadonlyMap<string, string>): unknown {
  if (!(error instanceof WorkerFailure)) return error;
  const ours = (text: string) =>
    [...paths].reduce((told, [local, remote]) => told.replaceAll(remote, local), text);
  const { command, kind, message, key, detail } = error;
  return new WorkerFailure(
    command,
    kind,
    ours(message),
    key,
    detail === null ? null : ours(detail),
  );
}

/** Paths that a payload names and that are here; others are the worker's machine's. */
async function localPaths<C extends Command>(command: C, payload: Payload<C>): Promise<string[]> {
  const named = new Set<string>();
  withInputs(command, payload, (value) => {
    if (isAbsolute(value)) named.add(value);
    return value;
  });
  const found = await Promise.all(
    [...named].map(async (path) => ((await entryAt(path)) === null ? [] : [path])),
  );
  return found.flat();
}

async function described(path: string): Promise<SentFolder> {
  const folders: string[] = [];
  const files: Record<string, [string, number]> = {};
  const add = async (own: string, name: string): Promise<void> => {
    // Links are followed: a hub's snapshot is made of them.
    const facts = await stat(own);
    if (!facts.isDirectory()) {
      files[name] = [await digestOf(own, facts), facts.size];
      return;
    }
    folders.push(name);
    // A clone of a repository has its history in a folder with a dot.
    const entries = (await readdir(own)).filter((entry) => !entry.startsWith("."));
    for (const entry of entries.sort()) await add(join(own, entry), `${name}/${entry}`);
  };
  await add(path, basename(path));
  return { digest: sha256Of(JSON.stringify([folders, files])), folders, files };
}

async function digestOf(path: string, { size, mtimeMs, ino }: Stats): Promise<string> {
  const stamp = `${size}:${mtimeMs}:${ino}`;
  const before = known.get(path);
  if (before?.stamp === stamp) return before.sha256;
  const sha256 = await sha256OfFile(path);
  known.set(path, { stamp, sha256 });
  return sha256;
}

async function entryAt(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch {
    return null;
  }
}
