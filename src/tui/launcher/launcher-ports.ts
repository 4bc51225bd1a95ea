/** What the launcher needs of the world: experiments, runs, and a way to start and to watch them. */
import type { Experiment } from "../../config/schema/experiment.js";
import type { RunNotes, RunSummary } from "../../run-model/run-summary.js";
import type { ComparedRun } from "../compare/compared-run.js";

/** An experiment that can be started. Texts are untrusted: they come from files. */
export interface ExperimentEntry {
  /** What `averse run` takes: the file's name. */
  readonly id: string;
  readonly purpose: string;
  /** Arms that it trains. */
  readonly arms: readonly string[];
  readonly seeds: readonly number[];
  /** From earlier runs; null: there is none to go by. */
  readonly seconds: number | null;
  /** The settings as the file sets them; null where it cannot be read. */
  readonly settings: Settings | null;
  /** Why it cannot be started; empty: it can. */
  readonly problems: readonly string[];
}

/** The settings that people change most, as they would be typed after `--set`. */
export interface Settings {
  /** Arms that are chosen. */
  readonly arms: readonly string[];
  /** Arms that could be: the file's, and those known by name. */
  readonly knownArms: readonly string[];
  readonly texts: Readonly<Record<TextSetting, string>>;
  /** Key of the configuration that each stands for; null: the file has no single value for it. */
  readonly keys: Readonly<Record<TextSetting, string | null>>;
  readonly choices: Readonly<Record<ChoiceSetting, string>>;
  /** What each choice is from. */
  readonly options: Readonly<Record<ChoiceSetting, readonly string[]>>;
}

export const textSettings = [
  "seeds",
  "alpha",
  "warmup",
  "rho",
  "iterations",
  "beta",
  "learningRate",
  "batch",
  "completions",
  "data",
  "model",
  "reward",
  "parallel",
] as const;
export type TextSetting = (typeof textSettings)[number];
export const choiceSettings = ["worker", "device"] as const;
export type ChoiceSetting = (typeof choiceSettings)[number];

/** What a run would be with these settings, or why it would not be. */
export type FormCheck =
  | {
      readonly ok: true;
      readonly experiment: Experiment;
      readonly trials: number;
      /** Trials side by side. */
      readonly parallel: number;
      /** null: nothing to go by. */
      readonly seconds: number | null;
    }
  | { readonly ok: false; readonly problems: readonly string[] };

export interface LauncherPorts {
  /** Both are asked about once per second, runs first: what has not changed is not read again. */
  experiments(): Promise<readonly ExperimentEntry[]>;
  /** In any order. */
  runs(): Promise<readonly RunSummary[]>;
  /** Reads the experiment with these overrides, exactly as `averse run --set …` would. */
  check(experiment: string, overrides: readonly string[]): FormCheck;
  /**
   * Starts a run of its own, which needs no terminal.
   *
   * @returns its id
   * @throws {Error} it could not be started; the message says why
   */
  start(experiment: string, overrides: readonly string[]): Promise<string>;
  /**
   * Shows a run's dashboard, until it is left. The terminal is the dashboard's meanwhile.
   *
   * @throws {Error} it cannot be shown
   */
  open(run: string): Promise<void>;
  /**
   * Keeps what is written about a run, beside its record.
   *
   * @throws {Error} it cannot be kept; the message says why
   */
  annotate(run: string, notes: RunNotes): Promise<void>;
  /**
   * Removes a run for good.
   *
   * @throws {Error} it is at work, or cannot be removed
   */
  remove(run: string): Promise<void>;
  /** One entry per run, in their order; a run without results is there with the reason. */
  compare(runs: readonly string[]): Promise<readonly ComparedRun[]>;
}
