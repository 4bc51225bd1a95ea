/**
 * The dashboard at work: journal, progress and keys go into the model and the view, frames come
 * out, as seldom as a reader does not notice.
 */
import { setImmediate as turn } from "node:timers/promises";
import { planTrials } from "../../config/trials.js";
import type { RunCommand } from "../../engine/commands.js";
import { emptyRun, isOver, markStopped, type RunModel } from "../../run-model/run-model.js";
import {
  type ProgressObservation,
  RunGoneError,
  type RunSource,
} from "../../run-model/run-source.js";
import { takeEntries, takeProgress } from "../../run-model/take-entries.js";
import { safeText } from "../../text/safe-text.js";
import { keepHeapSmall } from "../heap-growth.js";
import type { InkView } from "../ink-screen.js";
import type { KeyPress } from "../key-press.js";
import { readKeys } from "../key-reader.js";
import type { Line, ViewStyle } from "../line.js";
import { loadInk } from "../load-ink.js";
import { styledText } from "../styled-text.js";
import { enterScreen, type TerminalScreen } from "../terminal-screen.js";
import { afterKey } from "./after-key.js";
import { commandStates, commandWords } from "./command-words.js";
import { factsOf } from "./facts.js";
import { frameLines, sceneLayout } from "./frame-lines.js";
import { lastHelpLine } from "./help-lines.js";
import { readScene } from "./read-scene.js";
import type { Scene, Unreadable } from "./scene.js";
import { StepReader } from "./step-reader.js";
import { type Effect, firstView, type Notice, type ViewState } from "./view-state.js";

export interface DashboardOptions {
  /** Terminals. */
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly color: boolean;
  readonly unicode: boolean;
  /** Seconds since 1970; default: now. */
  readonly now?: () => number;
  /** Default: the process's own alternate screen. */
  readonly enterScreen?: typeof enterScreen;
  /** The run as commands take it; default: its id. */
  readonly word?: string;
  /** Told of each command that this view asked for and the run took. */
  readonly onTaken?: (command: RunCommand) => void;
}

/**
 * `left`: the user left, and the run is as it was · `ended`: a run in the foreground is over, or
 * its view was closed · `stop-asked`: the user left a run in the foreground, which is stopping.
 */
export type DashboardOutcome = "left" | "ended" | "stop-asked";

export interface Dashboard {
  /**
   * Settles when the terminal is back as it was.
   *
   * @throws {Error} the view cannot go on; the run does
   */
  readonly outcome: Promise<DashboardOutcome>;
  /** Shows a line of the caller's; anything else that writes to the terminal tears the frame. */
  note(text: string): void;
  /**
   * Ends the view for a fault that was found elsewhere.
   *
   * @returns false: it was over
   */
  fail(error: unknown): boolean;
  /** Gives the terminal back; safe to call twice. */
  close(): void;
}

/** A view of a run, until its user leaves it or a run in the foreground is over. */
export async function runDashboard(
  source: RunSource,
  options: DashboardOptions,
): Promise<DashboardOutcome> {
  return await startDashboard(source, options).outcome;
}

export function startDashboard(source: RunSource, options: DashboardOptions): Dashboard {
  keepHeapSmall();
  return new OpenDashboard(source, options);
}

/** Least time between two frames for a key, and for news, in milliseconds. */
const frameMs = { key: 33, news: 200 };
/** News are drawn so seldom that frames take at most this share of the time. */
const frameShare = 0.08;
/** The journal is read this much after it has grown. */
const readMs = 100;
/** Reading ahead takes this long at a time, and pauses as long. */
const sliceMs = 8;
const clockMs = 1000;
/** What became of a command is shown so long, in seconds, unless a key comes before. */
const noticeSeconds = 8;

class OpenDashboard implements Dashboard {
  readonly outcome: Promise<DashboardOutcome>;
  #settle!: (outcome: DashboardOutcome) => void;
  #fail!: (error: unknown) => void;
  readonly #style: ViewStyle;
  readonly #reader: StepReader;
  readonly #now: () => number;
  readonly #timers = new Set<NodeJS.Timeout>();
  #model: RunModel;
  #view: ViewState = firstView;
  /** Seconds since 1970: the view's notice goes. */
  #noticeUntil = 0;
  readonly #screen: TerminalScreen;
  /** Null until it is loaded: neither frames nor keys wait for it. */
  #ink: InkView | null = null;
  readonly #unlisten: () => void;
  readonly #readNoMore: () => void;
  #over = false;
  #reading = false;
  /** The journal has grown since it was last read. */
  #grown = false;
  #unread = true;
  /** Why the journal cannot be read now; null: it can. */
  #unreadable: Unreadable | null = null;
  #readTimer: NodeJS.Timeout | null = null;
  #drawTimer: NodeJS.Timeout | null = null;
  #drawAt = Number.POSITIVE_INFINITY;
  #drawnAt = Number.NEGATIVE_INFINITY;
  /** What a frame takes, in milliseconds, the newest counting most. */
  #frameCost = 0;
  #working = false;

  constructor(
    private readonly source: RunSource,
    private readonly options: DashboardOptions,
  ) {
    const { color, unicode } = options;
    this.#style = { color, unicode };
    this.#now = options.now ?? (() => Date.now() / 1000);
    this.#reader = new StepReader(source);
    this.#model = emptyRun(planTrials(source.experiment));
    this.#model = { ...this.#model, name: source.experiment.name };
    this.outcome = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
    });
    const { stdin, stdout } = options;
    this.#screen = (options.enterScreen ?? enterScreen)({
      stdin,
      stdout,
      endsOnSignals: !source.foreground,
      onDisturbed: () => this.#safely(() => this.#changed("key")),
      onLost: () => this.#end("left"),
    });
    // The run itself calls these, and must not fail with its view.
    this.#unlisten = source.listen({
      journal: () => this.#safely(() => this.#readSoon()),
      progress: (progress) => this.#safely(() => this.#progress(progress)),
      closed: () => void this.#closed().catch((error: unknown) => this.#break(error)),
    });
    this.#timers.add(setInterval(() => this.#safely(() => this.#tick()), clockMs));
    this.#readNoMore = readKeys(stdin, (key) => this.#safely(() => this.#key(key)));
    this.#draw();
    void this.#firstRead().catch((error: unknown) => this.#break(error));
  }

  note(text: string): void {
    this.#safely(() => this.#tell({ level: "info", text: safeText(text) }));
  }

  fail(error: unknown): boolean {
    return this.#break(error);
  }

  close(): void {
    this.#end("ended");
  }

  async #firstRead(): Promise<void> {
    await this.#read();
    this.#unread = false;
    this.#draw();
    await this.#layOutWithInk();
  }

  /** Ink takes longer to load than a long history to read: it comes after the first whole frame. */
  async #layOutWithInk(): Promise<void> {
    try {
      const { attachInk } = await loadInk();
      if (!this.#over) {
        this.#ink = attachInk(this.#screen, this.#style);
        this.#draw();
      }
    } catch (error) {
      this.#break(error);
    }
  }

  #tick(): void {
    if (this.#view.notice !== null && this.#now() >= this.#noticeUntil) {
      this.#view = { ...this.#view, notice: null };
      this.#changed("key");
    }
    if (!isOver(this.#run) || this.#unreadable !== null) {
      this.#changed("news");
      // Nobody tells that the folder has gone, or is back, or grows by another machine's hand.
      this.#readSoon();
    }
  }

  #progress(progress: ProgressObservation): void {
    this.#model = takeProgress(this.#model, progress, this.#now());
    this.#changed("news");
  }

  /** As the journal has it, unless nobody goes on with it. */
  get #run(): RunModel {
    return this.#unread || this.source.held ? this.#model : markStopped(this.#model);
  }

  #readSoon(): void {
    this.#grown = true;
    if (this.#readTimer === null && !this.#over) {
      this.#readTimer = setTimeout(() => {
        this.#readTimer = null;
        void this.#read();
      }, readMs);
    }
  }

  /** All that is there; draws in between, for a long history takes a while. */
  async #read(): Promise<void> {
    this.#grown = true;
    if (this.#reading) {
      return;
    }
    this.#reading = true;
    try {
      while (this.#grown && !this.#over) {
        this.#grown = false;
        for (const entries of this.source.read()) {
          const first = this.#model.lastAt === null;
          const before = this.#model.state;
          this.#model = takeEntries(this.#model, entries);
          this.#dropContradicted(before);
          if (first) {
            this.#draw();
          } else {
            this.#changed("news");
          }
          await turn();
          if (this.#over) {
            break;
          }
        }
      }
      this.#readable(null);
    } catch (error) {
      const gone = error instanceof RunGoneError;
      this.#readable({ gone, message: safeText(messageOf(error)) });
    } finally {
      this.#reading = false;
    }
  }

  #readable(why: Unreadable | null): void {
    if (why?.message !== this.#unreadable?.message) {
      this.#unreadable = why;
      this.#changed("key");
    }
  }

  /** Another view may have asked for something else meanwhile. */
  #dropContradicted(before: RunModel["state"]): void {
    const { notice } = this.#view;
    const { state } = this.#model;
    if (notice?.command !== undefined && state !== before) {
      if (!commandStates[notice.command].includes(state)) {
        this.#view = { ...this.#view, notice: null };
        this.#changed("key");
      }
    }
  }

  async #closed(): Promise<void> {
    while (this.#reading) {
      await turn();
    }
    await this.#read();
    this.#changed("key");
    if (this.source.foreground) {
      this.#end("ended");
    }
  }

  #key(key: KeyPress): void {
    if (this.#over) {
      return;
    }
    const scene = this.#scene();
    const layout = sceneLayout(scene, this.#screen.size());
    const helpEnd = lastHelpLine(this.#screen.size(), this.#style);
    const facts = factsOf(scene, layout, this.#style, helpEnd);
    const { view, effect } = afterKey(this.#view, key, facts);
    this.#view = view;
    this.#noticeUntil = this.#now() + noticeSeconds;
    this.#changed("key");
    if (effect !== null) {
      void this.#carryOut(effect).catch((error: unknown) => this.#break(error));
    }
  }

  async #carryOut(effect: Effect): Promise<void> {
    if (effect.kind === "leave") {
      this.#end(this.source.foreground ? "ended" : "left");
      return;
    }
    const command = effect.kind === "ask" ? effect.command : "stop";
    try {
      const refused = await this.source.ask(command);
      if (refused === null) {
        this.options.onTaken?.(command);
      }
      this.#tell(
        refused === null
          ? { level: "info", text: commandWords[command], command }
          : { level: "error", text: safeText(`not done: ${refused}`) },
      );
    } catch (error) {
      this.#tell({ level: "error", text: safeText(messageOf(error)) });
    }
    if (effect.kind === "stop-and-leave") {
      this.#end("stop-asked");
    }
  }

  #tell(notice: Notice): void {
    this.#view = { ...this.#view, notice };
    this.#noticeUntil = this.#now() + noticeSeconds;
    this.#changed("key");
  }

  #scene(): Scene {
    const { experiment, foreground, live, held, id } = this.source;
    const scene = {
      model: this.#run,
      view: this.#view,
      experiment,
      foreground,
      live,
      held,
      word: this.options.word ?? id,
      unreadable: this.#unreadable,
      now: this.#now(),
    };
    const layout = sceneLayout(scene, this.#screen.size());
    const reading = readScene(scene, layout, this.#reader);
    return { ...scene, reading: { ...reading, unread: this.#unread } };
  }

  /** Draws soon: at once for a key, unless the last frame is but a moment old. */
  #changed(why: keyof typeof frameMs): void {
    const least =
      why === "key" ? frameMs.key : Math.max(frameMs.news, this.#frameCost / frameShare);
    const at = this.#drawnAt + least;
    if (this.#over || at >= this.#drawAt) {
      return;
    }
    if (this.#drawTimer !== null) {
      clearTimeout(this.#drawTimer);
    }
    this.#drawAt = at;
    this.#drawTimer = setTimeout(() => this.#draw(), Math.max(0, at - performance.now()));
  }

  #draw(): void {
    if (this.#drawTimer !== null) {
      clearTimeout(this.#drawTimer);
    }
    this.#drawTimer = null;
    this.#drawAt = Number.POSITIVE_INFINITY;
    this.#safely(() => {
      if (!this.#over) {
        const begun = performance.now();
        const lines = frameLines(this.#scene(), this.#screen.size(), this.#style);
        this.#show(lines);
        this.#drawnAt = performance.now();
        this.#frameCost = (this.#frameCost + this.#drawnAt - begun) / 2;
        this.#work();
      }
    });
  }

  #show(lines: readonly Line[]): void {
    if (this.#ink === null) {
      this.#screen.draw(lines.map((line) => styledText(line, this.#style)));
    } else {
      this.#ink.draw(lines);
    }
  }

  /** Reads ahead what the frame could not wait for. */
  #work(): void {
    if (this.#working) {
      return;
    }
    this.#working = true;
    const slice = (): void => {
      this.#safely(() => {
        const until = performance.now() + sliceMs;
        this.#working = !this.#over && this.#reader.work(() => performance.now(), until);
        if (this.#working) {
          this.#changed("news");
          setTimeout(slice, sliceMs);
        }
      });
    };
    setTimeout(slice, 0);
  }

  /** A fault of the view ends the view, never the run. */
  #safely(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#break(error);
    }
  }

  /** @returns false: it was over */
  #break(error: unknown): boolean {
    const open = this.#finish();
    if (open) {
      this.#fail(error);
    }
    return open;
  }

  #end(outcome: DashboardOutcome): void {
    if (this.#finish()) {
      this.#settle(outcome);
    }
  }

  /** @returns false: it was over */
  #finish(): boolean {
    if (this.#over) {
      return false;
    }
    this.#over = true;
    this.#unlisten();
    this.#readNoMore();
    for (const timer of [...this.#timers, this.#readTimer, this.#drawTimer]) {
      if (timer !== null) {
        clearTimeout(timer);
      }
    }
    this.#ink?.leave();
    this.#screen.leave();
    return true;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
