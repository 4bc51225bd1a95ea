/** A journal's events as views hold them: without what is large in them. */
import type { EvaluatedEvent, JournalEvent } from "./events.js";

/** `episodes` and `memory` (step) and `arrays` (evaluated) are left out. */
export type EventHead = JournalEvent extends infer Event
  ? Event extends JournalEvent
    ? Omit<Event, "episodes" | "arrays" | "memory">
    : never
  : never;

/** An event as results and reports need it: of the arrays those of evaluations alone, if at all. */
export type EventFigures = EventHead | EvaluatedEvent;

/** Without the arrays of an iteration, which are nearly all of a long journal. */
export function figuresOf(event: JournalEvent): EventFigures {
  if (event.type !== "step") return event;
  const { episodes: _, memory: _memory, ...head } = event;
  return head;
}

/** An event and where it stands, so that it can be read in full. */
export interface JournalEntry {
  readonly head: EventHead;
  /** Of its line in the file, in bytes. */
  readonly offset: number;
  readonly length: number;
}

/** Where what is large begins, as the journal's writer orders an event's keys. */
const large = [
  { key: '"episodes":{', last: '"weight":[' },
  { key: '"arrays":{', last: '"length":[' },
] as const;

/**
 * A line as an event without arrays, read fast: its checksum is `averse verify`'s to check. Most of a
 * journal is arrays of steps, and their bytes are skipped, not parsed.
 *
 * @throws {Error} the line is no event
 */
export function headOf(line: Buffer): EventHead {
  for (const { key, last } of large) {
    const begin = line.indexOf(key);
    // The last: a component may have the name of an array, and its scores stand before the others.
    const lastArray = begin < 0 ? -1 : line.lastIndexOf(last);
    const end = lastArray < 0 ? -1 : line.indexOf("]}", lastArray);
    if (end >= 0) {
      const text = `${line.toString("utf8", 0, begin)}"large":null${line.toString("utf8", end + 2)}`;
      const { large: _large, memory: _memory, checksum: _checksum, ...head } = JSON.parse(text);
      return head as EventHead;
    }
  }
  return wholeEvent(line);
}

/** @throws {Error} it is no event */
export function wholeEvent(line: Buffer): JournalEvent {
  const { checksum: _, ...event } = JSON.parse(line.toString("utf8"));
  if (typeof event.type !== "string" || typeof event.seq !== "number") {
    throw new Error("it has no type or number");
  }
  return event as JournalEvent;
}
