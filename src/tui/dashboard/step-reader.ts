/**
 * What panels need of a run beyond the model, read when it is looked at: the episodes of a step,
 * texts, returns' quantiles along training, a prompt's history. Little of it is kept, and what
 * takes long is read a few milliseconds at a time, between two frames. Asked for the same again, it
 * gives the same object.
 */

import type { EpisodeText } from "../../engine/ports.js";
import type { JournalEntry } from "../../journal/event-head.js";
import type { Episodes } from "../../journal/events.js";
import type { TrialModel } from "../../run-model/run-model.js";
import type { RunSource } from "../../run-model/run-source.js";
import {
  type NoAnswer,
  type PastStep,
  type WhatIf,
  type WhatIfQuestion,
  whatIf,
} from "../../run-model/what-if.js";
import { iterationNumber } from "../../text/iterations.js";
import type { Zoom } from "../charts/chart.js";
import type { FanRow } from "../charts/fan-chart.js";
import { type PromptVisit, promptVisits, returnQuantiles } from "./panels/episodes-of-step.js";
import { RecentMap } from "./recent-map.js";

type Steps = TrialModel["steps"];

/** Steps whose episodes are kept: those that a reader goes to and fro between. */
const keptSteps = 16;
/** Points of fans: a screen has a few hundred columns. */
const keptQuantiles = 4096;
/** Questions whose answers are kept: a frame asks one, and so does a key. */
const keptAnswers = 4;

export class StepReader {
  readonly #episodes = new RecentMap<number, Episodes | null>(keptSteps);
  readonly #texts = new RecentMap<string, readonly EpisodeText[]>(keptSteps);
  readonly #quantiles = new RecentMap<number, FanRow | null>(keptQuantiles);
  readonly #answers = new RecentMap<string, { readonly of: Episodes; readonly answer: Answer }>(
    keptAnswers,
  );
  #fan: Steps = [];
  #fanRows: readonly FanRow[] = [];
  #history: PromptSearch | null = null;

  constructor(private readonly source: Pick<RunSource, "episodes" | "texts" | "workerLog">) {}

  /** Null: there is no such step, or its arrays cannot be read. */
  episodes(step: Steps[number] | undefined): Episodes | null {
    return step === undefined
      ? null
      : this.#episodes.get(step.entry.offset, () => this.#read(step.entry));
  }

  texts(trial: string, step: number, entry: JournalEntry): readonly EpisodeText[] {
    return this.#texts.get(`${trial} ${entry.offset}`, () => {
      try {
        return this.source.texts(trial, step);
      } catch {
        return [];
      }
    });
  }

  /** The same list again where nothing was added. */
  workerLog(trial: string): readonly string[] {
    try {
      return this.source.workerLog(trial);
    } catch (error) {
      return [`its log cannot be read: ${error instanceof Error ? error.message : String(error)}`];
    }
  }

  whatIf(past: Omit<PastStep, "promptScores">, question: WhatIfQuestion): Answer {
    const key = JSON.stringify([past.step, past.seed, question]);
    const known = this.#answers.peek(key);
    if (known?.of === past.episodes) {
      return known.answer;
    }
    const answer = whatIf({ ...past, promptScores: null }, question);
    this.#answers.set(key, { of: past.episodes, answer });
    return answer;
  }

  /** Of those steps that were read so far; `work` reads the others. @param columns of the chart */
  quantiles(steps: Steps, zoom: Zoom | null, columns: number): readonly FanRow[] {
    this.#fan = sampledSteps(steps, zoom, columns);
    const rows = this.#fan.flatMap(({ entry }) => this.#quantiles.peek(entry.offset) ?? []);
    const before = this.#fanRows;
    if (rows.length !== before.length || rows.some((row, at) => row !== before[at])) {
      this.#fanRows = rows;
    }
    return this.#fanRows;
  }

  /** Ascending, as far as it was read; `work` reads on. */
  history(trial: TrialModel, prompt: number): PromptVisit[] {
    if (this.#history?.trial !== trial.id || this.#history.prompt !== prompt) {
      this.#history = new PromptSearch(trial.id, prompt);
    }
    this.#history.searchIn(trial.steps);
    return this.#history.visits();
  }

  /** Nobody looks at a history any more. */
  forgetHistory(): void {
    this.#history = null;
  }

  /**
   * Reads on until the time is up.
   *
   * @param until on `clock`'s scale
   * @returns whether it read anything, and so whether there may be more
   */
  work(clock: () => number, until: number): boolean {
    let worked = false;
    while (clock() < until) {
      const missing = this.#fan.findLast(({ entry }) => !this.#quantiles.has(entry.offset));
      const sought = missing ?? this.#history?.next();
      if (sought === undefined) {
        return worked;
      }
      const { entry, head } = sought;
      const episodes = this.#episodes.peek(entry.offset) ?? this.#read(entry);
      if (missing !== undefined) {
        const row =
          episodes === null ? null : returnQuantiles(iterationNumber(head.step), episodes);
        this.#quantiles.set(entry.offset, row);
      }
      this.#history?.take(sought, episodes);
      worked = true;
    }
    return worked;
  }

  /** A side file may be gone: the rest of the screen does not depend on it. */
  #read(entry: JournalEntry): Episodes | null {
    try {
      return this.source.episodes(entry);
    } catch {
      return null;
    }
  }
}

type Answer = WhatIf | NoAnswer;

/**
 * Of the steps that a chart shows at most `columns`, ascending: every step, every second, every
 * fourth, …, so that a history that grows or is zoomed keeps most of what was read; and the newest.
 */
export function sampledSteps(steps: Steps, zoom: Zoom | null, columns: number): Steps {
  const within =
    zoom === null
      ? steps
      : steps.filter(
          ({ head }) =>
            iterationNumber(head.step) >= zoom.from && iterationNumber(head.step) <= zoom.to,
        );
  if (columns < 1) {
    return [];
  }
  if (within.length <= columns) {
    return within;
  }
  let stride = 2;
  while (within.length / stride > columns - 2) {
    stride *= 2;
    if (stride > within.length) {
      return within.slice(-1);
    }
  }
  const last = within.length - 1;
  return within.filter(({ head }, at) => at === last || head.step % stride === 0);
}

/** Looks for one prompt in all steps of a trial, newest first. */
class PromptSearch {
  #steps: Steps = [];
  /** Not read yet, ascending. */
  #ahead: Steps[number][] = [];
  /** By place in the journal: a step that is done again is another. */
  readonly #read = new Map<number, readonly PromptVisit[]>();

  constructor(
    readonly trial: string,
    readonly prompt: number,
  ) {}

  searchIn(steps: Steps): void {
    if (steps !== this.#steps) {
      this.#steps = steps;
      this.#ahead = steps.filter(({ entry }) => !this.#read.has(entry.offset));
    }
  }

  next(): Steps[number] | undefined {
    return this.#ahead.pop();
  }

  take({ head, entry }: Steps[number], episodes: Episodes | null): void {
    this.#read.set(
      entry.offset,
      episodes === null ? none : promptVisits(iterationNumber(head.step), episodes, this.prompt),
    );
  }

  visits(): PromptVisit[] {
    return this.#steps.flatMap(({ entry }) => this.#read.get(entry.offset) ?? none);
  }
}

/** One list for the thousands of steps without the prompt. */
const none: readonly PromptVisit[] = [];
