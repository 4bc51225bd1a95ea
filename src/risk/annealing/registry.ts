/** Every kind of annealing under its name in the configuration (`risk.annealing`). */
import { adaptive } from "./adaptive.js";
import type { Annealing } from "./annealing.js";
import { constant } from "./constant.js";
import { cosine } from "./cosine.js";
import { exponential } from "./exponential.js";
import { linear } from "./linear.js";
import { soft } from "./soft.js";
import { steps } from "./steps.js";

export const annealings = {
  soft,
  constant,
  linear,
  cosine,
  exponential,
  steps,
  adaptive,
} satisfies Readonly<Record<string, Annealing>>;

export type AnnealingName = keyof typeof annealings;

export const annealingNames = Object.keys(annealings) as readonly AnnealingName[];
