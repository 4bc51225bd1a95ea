/** How a data set becomes prompts, in words: the rules of the worker's reader. */
import type { Experiment } from "../config/schema.js";

export interface DataRules {
  split: string;
  filter: string;
  truncation: string;
}

export function dataRules({ data, sft }: Experiment): DataRules {
  return {
    split:
      data.path === "builtin"
        ? "train and test as they come with the program"
        : "train.jsonl and test.jsonl; of a single file each tenth row (the last, where it has " +
          "fewer than ten) is for testing",
    filter: "prompts: every row; fine-tuning and perplexity: rows labelled good or 1",
    truncation:
      "a prompt is the first rollout.prompt_tokens tokens of its row, an end-of-text token at " +
      `their end taken off; a text of fine-tuning is its first ${sft.max_tokens} tokens`,
  };
}
