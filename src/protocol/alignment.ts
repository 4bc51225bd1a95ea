/**
 * Arrays answer the prompts of the request, position by position: their lengths must agree,
 * completions have tokens, failures must name episodes that exist, an update must be of the
 * episodes that take part, and texts and samples of the requested episodes.
 */
import { float32Array, uint32Array } from "./arrays.js";
import type { Command, ComponentScores, DeclaredFigures, Payload, Result } from "./messages.js";

type Arrays = Readonly<Record<string, Uint8Array | null>>;

/**
 * Names the first field of a result that is not what the request (or its sibling) says, such as an
 * array of another length, or the first failure that names no episode or one twice. A short array
 * would otherwise turn into NaN far from its cause.
 *
 * @returns null when all agree.
 */
export function misaligned<C extends Command>(
  command: C,
  payload: Payload<C>,
  result: Result<C>,
): string | null {
  switch (command) {
    case "load": {
      const { train, test } = result as Result<"load">;
      return notWhole("train.ids", train.ids) ?? notWhole("test.ids", test.ids);
    }
    case "score_prompts": {
      const { prompts } = payload as Payload<"score_prompts">;
      const { combined, components } = result as Result<"score_prompts">;
      return differing(entries(prompts), "prompt", {
        combined,
        ...byName("components", components),
      });
    }
    case "rollout": {
      const { prompts, completions } = payload as Payload<"rollout">;
      const {
        reward,
        components,
        kl,
        return: returns,
        lambda_return,
        length,
        trained,
      } = result as Result<"rollout">;
      const episodes = entries(prompts) * completions;
      const arrays = { reward, kl, return: returns, lambda_return, length };
      const shares = Object.fromEntries(trained.map((bytes, i) => [`trained.${i}`, bytes]));
      return (
        (trained.length === components.length
          ? null
          : `field \`trained\` has ${trained.length} arrays; expected ${components.length}, one per component`) ??
        differing(episodes, "episode", {
          ...arrays,
          ...shares,
          ...byName("components", components),
        }) ??
        empty("length", length) ??
        misplaced("components", components, episodes)
      );
    }
    case "update": {
      const taking = takingPart(payload as Payload<"update">);
      const { episodes } = result as Result<"update">;
      return episodes === taking
        ? null
        : `field \`episodes\` is ${episodes}; expected ${taking}: so many have a weight, an advantage or a KL weight`;
    }
    case "evaluate": {
      const { prompts, completions, samples } = payload as Payload<"evaluate">;
      const { reward, components, judges, kl, length, ...rest } = result as Result<"evaluate">;
      const episodes = entries(prompts) * completions;
      const arrays = {
        ...{ reward, kl, length },
        ...byName("components", components),
        ...byName("judges", judges),
      };
      return (
        differing(episodes, "episode", arrays) ??
        empty("length", length) ??
        misplaced("components", components, episodes) ??
        misplaced("judges", judges, episodes) ??
        unlike("samples", rest.samples, samples)
      );
    }
    case "toxicity": {
      const { prompts, completions: each } = payload as Payload<"toxicity">;
      const { completions, prompts: alone } = result as Result<"toxicity">;
      const [asked, episodes] = [entries(prompts), entries(prompts) * each];
      return (
        differing(episodes, "completion", byName("completions", [completions])) ??
        differing(asked, "prompt", byName("prompts", [alone])) ??
        misplaced("completions", [completions], episodes) ??
        misplaced("prompts", [alone], asked)
      );
    }
    case "texts": {
      const { episodes } = payload as Payload<"texts">;
      return unlike("texts", (result as Result<"texts">).texts, episodes);
    }
    default:
      return null;
  }
}

/** How many episodes of an update have a weight, an advantage or a KL weight. */
function takingPart({ weights, advantages, kl_weights }: Payload<"update">): number {
  const arrays = [weights, advantages, kl_weights].flatMap((bytes) =>
    bytes === null ? [] : [float32Array(bytes)],
  );
  const longest = Math.max(0, ...arrays.map(({ length }) => length));
  let taking = 0;
  for (let episode = 0; episode < longest; episode++) {
    taking += arrays.some((array) => (array[episode] ?? 0) !== 0) ? 1 : 0;
  }
  return taking;
}

/** The number of values; a torn one at the end is not counted. */
function entries(bytes: Uint8Array): number {
  return Math.floor(bytes.byteLength / 4);
}

function byName(
  field: string,
  all: readonly { readonly name: string; readonly scores: Uint8Array }[],
): Arrays {
  return Object.fromEntries(all.map(({ scores }, i) => [`${field}.${i}.scores`, scores]));
}

function notWhole(name: string, bytes: Uint8Array): string | null {
  return bytes.byteLength % 4 === 0
    ? null
    : `field \`${name}\` has ${bytes.byteLength} bytes; expected a multiple of 4`;
}

function listed(episodes: ArrayLike<number>): string {
  return episodes.length === 0 ? "(none)" : Array.from(episodes).join(", ");
}

/** Texts come in the order in which they were requested. */
function unlike(
  name: string,
  texts: readonly { readonly episode: number }[],
  requested: Uint8Array,
): string | null {
  const expected = listed(uint32Array(requested));
  const got = listed(texts.map(({ episode }) => episode));
  return got === expected
    ? null
    : `field \`${name}\` is of the episodes ${got}; expected ${expected}`;
}

function differing(count: number, each: string, arrays: Arrays): string | null {
  for (const [name, bytes] of Object.entries(arrays)) {
    if (bytes !== null && bytes.byteLength !== count * 4) {
      return `field \`${name}\` has ${bytes.byteLength} bytes; expected ${count * 4} (4 bytes per ${each})`;
    }
  }
  return null;
}

/** Every completion has a token, if only the one that ends it. */
function empty(name: string, lengths: Uint8Array): string | null {
  const episode = uint32Array(lengths).indexOf(0);
  return episode < 0
    ? null
    : `field \`${name}\` is 0 for episode ${episode}; expected at least 1 generated token`;
}

function misplaced(name: string, all: readonly ComponentScores[], count: number): string | null {
  for (const [i, { failures }] of all.entries()) {
    const seen = new Set<number>();
    for (const [place, { episodes }] of failures.entries()) {
      const field = `${name}.${i}.failures.${place}.episodes`;
      const torn = notWhole(field, episodes);
      if (torn !== null) {
        return torn;
      }
      for (const episode of uint32Array(episodes)) {
        if (episode >= count || seen.has(episode)) {
          const wrong = episode >= count ? `of ${count}` : "twice";
          return `field \`${field}\` names episode ${episode} ${wrong}`;
        }
        seen.add(episode);
      }
    }
  }
  return null;
}

/**
 * Names the first figure of a result that the engine's hello did not declare.
 *
 * @returns null when all are known
 */
export function undeclared<C extends Command>(
  command: C,
  result: Result<C>,
  declared: DeclaredFigures,
): string | null {
  const told = declaredFor(command, declared);
  if (told === null) {
    return null;
  }
  const { figures } = result as Result<"update" | "evaluate" | "toxicity" | "train_stage">;
  const unknown = Object.keys(figures).find((name) => !Object.hasOwn(told, name));
  return unknown === undefined
    ? null
    : `field \`figures.${unknown}\` is no figure that the engine's hello declares for \`${command}\``;
}

function declaredFor(
  command: Command,
  declared: DeclaredFigures,
): DeclaredFigures["update"] | null {
  if (command === "train_stage") {
    return declared.stage;
  }
  if (command === "evaluate" || command === "toxicity") {
    return declared.evaluate;
  }
  return command === "update" ? declared.update : null;
}
