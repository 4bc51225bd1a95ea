import { isBuiltin, type ScorerConfig } from "../../config/rewards/components.js";
import type { Scorer } from "../../protocol/messages.js";

/** A reward component's scorer, or a judge's, as a worker is told of it. */
export function scorerOf(config: ScorerConfig): Scorer {
  const { text, sign, timeout_seconds } = config;
  const scoring = { text, sign, timeout_seconds };
  switch (config.kind) {
    case "classifier": {
      const labels = config.label === null ? [] : [config.label].flat();
      const classes = { labels, output: config.output };
      return isBuiltin(config)
        ? { kind: "builtin", ...classes, ...scoring }
        : { kind: "classifier", ...modelOf(config), ...classes, ...scoring };
    }
    case "preference":
      return { kind: "preference", ...modelOf(config), ...scoring };
    case "python":
      return { kind: "python", function: given(config.function), ...scoring };
    case "http": {
      const { token_env, retries, allow_insecure, format } = config;
      const connection = { url: given(config.url), token_env, retries, allow_insecure, format };
      return { kind: "http", ...connection, ...scoring };
    }
    case "lexicon": {
      const { words } = config;
      const file = typeof words === "string";
      return {
        kind: "lexicon",
        words: file ? null : given(words),
        path: file ? words : null,
        ...scoring,
      };
    }
    case "length":
      return { kind: "length", unit: config.unit, target: config.target, ...scoring };
  }
}

function modelOf({ model, revision, trust_remote_code }: ScorerConfig) {
  return { model, revision, trust_remote_code };
}

/** @throws {Error} a fault of the configuration's checks, which refuse a kind without its key */
function given<T>(value: T | null): T {
  if (value === null) {
    throw new Error("a scorer lacks the key of its kind");
  }
  return value;
}
