/**
 * What a run and its views say to each other over the run's local socket: one JSON object a line.
 * The journal itself is read from its file; here come only what is not in it, and commands.
 */
import { z } from "zod";
import { runCommands } from "../experiment/commands.js";

const count = z.int().nonnegative();

/** View → run. */
export const viewMessage = z.strictObject({
  /** Of the view's choice; the answer carries it. */
  id: count,
  command: z.enum(runCommands),
});

const progress = z.strictObject({
  kind: z.literal("progress"),
  trial: z.string(),
  phase: z.string(),
  done: z.number(),
  /** 0: unknown. */
  total: z.number(),
  unit: z.string(),
});

/** Run → view. */
export const runMessage = z.discriminatedUnion("kind", [
  /** First, to every view. */
  z.strictObject({
    kind: z.literal("hello"),
    pid: count,
    /** Of the run: a folder that was copied while its run went on leads to another one's socket. */
    folder: z.string(),
    /** The newest of each trial that is in a phase. */
    progress: z.array(progress),
  }),
  /** The journal has grown to this event. */
  z.strictObject({ kind: z.literal("journal"), seq: count }),
  progress,
  /** Null: it is carried out. */
  z.strictObject({ kind: z.literal("answer"), id: count, refused: z.string().nullable() }),
]);

export type RunMessage = z.infer<typeof runMessage>;
export type ProgressMessage = z.infer<typeof progress>;

/** Longest line that a run takes from a view, in characters. */
export const longestToRun = 4096;
/** Longest line that a view takes from a run. */
export const longestToView = 1 << 20;
