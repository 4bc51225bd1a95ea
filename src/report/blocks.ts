/** A report's content, free of the format it is written in: markdown and HTML both draw these. */
import type { ReportPlot } from "./plots/panel.js";

export interface Cell {
  readonly main: string;
  /** An interval or a remark, smaller. */
  readonly sub?: string;
}

/** What a model was given, or wrote. */
export interface LabelledText {
  readonly label: string;
  /** Null: it was not kept. */
  readonly text: string | null;
}

export type Block =
  | { readonly kind: "heading"; readonly text: string }
  | { readonly kind: "subheading"; readonly text: string }
  /** The run's conclusion: the first thing to be read. */
  | { readonly kind: "conclusion"; readonly lines: readonly string[] }
  | { readonly kind: "paragraph"; readonly text: string }
  | { readonly kind: "warning"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[] }
  | {
      readonly kind: "table";
      readonly head: readonly string[];
      readonly rows: readonly (readonly Cell[])[];
      /** The first so many columns hold words and stand left, the others figures and right. */
      readonly wordColumns: number;
      /** Rows are read one by one and not compared: in HTML each is a card on every screen. */
      readonly records?: true;
    }
  | { readonly kind: "plot"; readonly plot: ReportPlot }
  /** A prompt beside all that was made of it; each text whole, with its line breaks. */
  | {
      readonly kind: "texts";
      readonly prompt: LabelledText;
      readonly completions: readonly LabelledText[];
    }
  | { readonly kind: "code"; readonly text: string }
  /** Closed until the reader opens it. */
  | { readonly kind: "details"; readonly summary: string; readonly blocks: readonly Block[] };

/** A table's content alone. */
export type TableContent = Omit<Extract<Block, { kind: "table" }>, "kind">;

export interface ReportDocument {
  readonly title: string;
  /** Under the title: which run, when. */
  readonly byline: string;
  readonly blocks: readonly Block[];
}

export function cells(...texts: readonly string[]): Cell[] {
  return texts.map((main) => ({ main }));
}
