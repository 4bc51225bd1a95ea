/** A journal's events as views hold them: without what is large in them. */
import type { JournalEvent } from "./events.js";

/** `episodes` (step) and `arrays` (evaluated) are left out. */
export type EventHead = JournalEvent extends infer Event
  ? Event extends JournalEvent
    ? Omit<Event, "episodes" | "arrays">
    : never
  : never;

/** An event and where it stands, so that it can be read in full. */
export interface JournalEntry {
  readonly head: EventHead;
  /** Of its line in the file, in bytes. */
  readonly offset: number;
  readonly length: number;
}
