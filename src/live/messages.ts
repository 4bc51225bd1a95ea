/**
 * What a run and its views say to each other over the run's local socket: one JSON object per line.
 * The journal itself is read from its file; here come only what is not in it, and commands.
 */

import type { Socket } from "node:net";
import { z } from "zod";
import { runCommands } from "../engine/commands.js";

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
  /** Of the training in hand; null: there is none. */
  loss: z.number().nullable(),
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

/**
 * Bytes of a socket as lines of text: calls `take` for every line. A line of more than `longest` characters ends the connection: nothing
 * that the protocol says is that long.
 */
export function readLines(socket: Socket, longest: number, take: (line: string) => void): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (socket.destroyed) {
        return;
      }
      if (line.length > longest) {
        socket.destroy();
        return;
      }
      take(line);
    }
    if (rest.length > longest) {
      socket.destroy();
    }
  });
}

export function writeLine(socket: Socket, message: object): void {
  if (socket.writable) {
    socket.write(`${JSON.stringify(message)}\n`);
  }
}
