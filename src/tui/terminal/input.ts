/**
 * What a terminal sends, cut into keys, text and pastes by the grammar of ECMA-48, so that a
 * sequence nobody knows is passed over whole and never read as letters.
 */

/** `text` holds no escape character; `sequence` begins with one; `paste` is between its brackets. */
export interface InputToken {
  readonly kind: "text" | "sequence" | "paste";
  readonly text: string;
}

export const esc = "\u001b";
const pasteStart = `${esc}[200~`;
const pasteEnd = `${esc}[201~`;

/** No text field takes more, in characters; what a paste has beyond is dropped as it comes. */
const longestPaste = 10_000;

// All of them behind the escape character.
/** `ESC [` parameters, intermediates, final · the Linux console's `ESC [ [ A`. */
const control = /^\[(?:\[[A-Za-z]|[0-?]*[ -/]*[@-~])/u;
/** Strings for a program that has asked for them, ended by BEL or ST: nobody has asked. */
const string = new RegExp(`^[\\]PX^_][^\u0007${esc}]*(?:\u0007|${esc}\\\\)`, "u");
/** `ESC O` and a letter: keypads, and function keys. */
const single = /^O[ -~]/u;
/** Alt with a character. */
const alt = new RegExp(`^[^${esc}[\\]POX^_]`, "u");
const grammar = [control, string, single, alt];
/** What has begun in one of these ways may go on in the next chunk. */
const begun = new RegExp(`^(?:\\[(?:\\[|[0-?]*[ -/]*)|O|[\\]PX^_][^\u0007${esc}]*${esc}?)?$`, "u");

/** Takes chunks as they come; keeps what is only begun. */
export class TerminalInput {
  #rest = "";
  #pasted: string | null = null;

  /** Something is begun: if nothing more comes within a moment, it is all there was. */
  get waits(): boolean {
    return this.#rest !== "" && this.#pasted === null;
  }

  take(chunk: string): InputToken[] {
    this.#rest += chunk;
    const tokens: InputToken[] = [];
    for (let token = this.#next(); token !== null; token = this.#next()) {
      tokens.push(token);
    }
    return tokens;
  }

  /** Nothing more has come: a lone escape character is the key, half a sequence is nothing. */
  settle(): InputToken[] {
    const lone = this.waits && this.#rest === esc;
    if (this.waits) {
      this.#rest = "";
    }
    return lone ? [{ kind: "sequence", text: esc }] : [];
  }

  #next(): InputToken | null {
    if (this.#pasted !== null) {
      return this.#inPaste(this.#pasted);
    }
    const at = this.#rest.indexOf(esc);
    if (this.#rest === "") {
      return null;
    }
    if (at !== 0) {
      return { kind: "text", text: this.#cut(at === -1 ? this.#rest.length : at) };
    }
    const behind = this.#rest.slice(esc.length);
    const found = grammar.map((form) => form.exec(behind)?.[0]).find((text) => text !== undefined);
    if (found !== undefined) {
      const text = this.#cut(esc.length + found.length);
      if (text === pasteStart) {
        return this.#inPaste("");
      }
      return { kind: "sequence", text };
    }
    // Escape twice, or before something that goes on with no sequence: the key alone.
    return begun.test(behind) ? null : { kind: "sequence", text: this.#cut(1) };
  }

  #inPaste(before: string): InputToken | null {
    const end = this.#rest.indexOf(pasteEnd);
    // The end's own first characters may be the last of this chunk.
    const sure = end === -1 ? Math.max(0, this.#rest.length - pasteEnd.length + 1) : end;
    const pasted = (before + this.#cut(sure)).slice(0, longestPaste);
    if (end === -1) {
      this.#pasted = pasted;
      return null;
    }
    this.#cut(pasteEnd.length);
    this.#pasted = null;
    return { kind: "paste", text: pasted };
  }

  #cut(length: number): string {
    const text = this.#rest.slice(0, length);
    this.#rest = this.#rest.slice(length);
    return text;
  }
}
